"""Remembers what Meta's refusals and failures teach about users and numbers."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
import structlog

from gateway.clock import Clock
from gateway.policy.knobs import Knobs
from gateway.policy.lessons import CAP, LESSONS, PAIR, SPAM, Lesson, Rest, Word
from gateway.policy.rules.pair_rate import schedule
from gateway.policy.turning import turned
from gateway.store import contacts, quota
from gateway.store.contacts import ContactKey
from gateway.store.messages import Known
from gateway.store.queries import beside
from gateway.store.rows import as_json
from gateway.whatsapp.ids import PhoneNumberId, PoolId

Subject = PhoneNumberId | ContactKey

SQL = beside(__file__)
LOG = structlog.get_logger("gateway.store.lessons")

RESTS: Final = frozenset({Lesson.SPAM, Lesson.CAP, Lesson.PAIR})
"""Lessons a decision depends on so much that the pool is locked for them."""


class Heard(NamedTuple):
    """What Meta said of a message at an hour: the code it was refused with, None if it arrived."""

    known: Known
    at: datetime
    code: int | None

    @property
    def lesson(self) -> Lesson | None:
        """What the code teaches, if anything."""
        return None if self.code is None else LESSONS.get(self.code)

    @property
    def key(self) -> ContactKey:
        """The user and number concerned."""
        return ContactKey(self.known.pool_id, self.known.phone_number_id, self.known.user_id)

    @property
    def is_business_initiated(self) -> bool:
        """Whether the message took a slot; only such a one can be a probe."""
        return self.known.hold is not None

    @property
    def may_end_a_stop(self) -> bool:
        """Whether the message has arrived and may have been a probe."""
        return self.code is None and self.is_business_initiated


async def learn(connection: Any, heard: Sequence[Heard], clock: Clock, knobs: Knobs) -> None:
    """Remember what was heard, in its order; what is known already changes nothing.

    `knobs` are those that pools and numbers turn. Not for use inside a transaction: each pool is
    locked in one of its own, and the hour is read under the lock, so that whatever was decided
    without knowing of it was decided before it.
    """
    await _note_wishes(connection, heard)
    stopped = await _stopped(connection, heard)
    pools: dict[PoolId, list[Heard]] = defaultdict(list)
    for each in heard:
        ends = each.may_end_a_stop and each.known.phone_number_id in stopped
        if ends or each.lesson in RESTS:
            pools[each.known.pool_id].append(each)
    for pool_id, of_pool in sorted(pools.items()):
        async with connection.transaction():
            await quota.lock(connection, [pool_id])
            memory = await _recall(connection, pool_id, of_pool, knobs)
            now = clock.now()
            for each in of_pool:
                decided_at = each.known.decided_at
                # Another process, whose clock is ahead, may have decided.
                memory.take(each, Word(decided_at, each.at, max(now, decided_at)))
            await memory.write(connection)


async def _note_wishes(connection: Any, heard: Iterable[Heard]) -> None:
    for each in heard:
        if each.lesson is Lesson.WINDOW_SHUT:
            await contacts.close_window(connection, each.key, each.at)
        elif each.lesson is Lesson.MARKETING_STOPPED:
            await contacts.note_preference(connection, each.key, each.at, stopped=True)


async def _stopped(connection: Any, heard: Iterable[Heard]) -> set[PhoneNumberId]:
    """Return which numbers a probe of which may have arrived are stopped."""
    numbers = {each.known.phone_number_id for each in heard if each.may_end_a_stop}
    rows = await connection.fetch(SQL["stopped"], sorted(numbers)) if numbers else ()
    return {row["phone_number_id"] for row in rows}


@dataclass(slots=True)
class _Memory:
    """What a pool remembers of the numbers and users concerned, and what of it is new."""

    pool_id: PoolId
    knobs: dict[PhoneNumberId, Knobs] = field(default_factory=dict)
    stops: dict[PhoneNumberId, Rest] = field(default_factory=dict)
    caps: dict[ContactKey, Rest] = field(default_factory=dict)
    pairs: dict[ContactKey, Rest] = field(default_factory=dict)
    tats: dict[ContactKey, datetime | None] = field(default_factory=dict)
    changed: set[Subject] = field(default_factory=set)

    def take(self, heard: Heard, word: Word) -> None:
        number = heard.known.phone_number_id
        if number not in self.stops:
            return  # it has left the pool
        match heard.lesson:
            case None:
                self._change(self.stops, number, self.stops[number].lifted(word))
            case Lesson.SPAM:
                # Replies go on meanwhile: what Meta says of them is no answer to a probe.
                if heard.is_business_initiated or not self.stops[number].strikes:
                    self._change(self.stops, number, SPAM.strike(self.stops[number], word))
            case Lesson.CAP:
                self._change(self.caps, heard.key, CAP.strike(self.caps[heard.key], word))
            case Lesson.PAIR:
                self._change(self.pairs, heard.key, PAIR.strike(self.pairs[heard.key], word))

    def _change(self, rests: dict[Any, Rest], key: Subject, rest: Rest) -> None:
        if rest is not rests[key]:
            rests[key] = rest
            self.changed.add(key)

    async def write(self, connection: Any) -> None:
        """Write what is new, and move the pool's version, and its epoch if numbers changed."""
        numbers = [number for number in self.stops if number in self.changed]
        users = [key for key in self.caps if key in self.changed]
        if users:
            rows = as_json([self._row(key) for key in users])
            await connection.execute(SQL["write_contacts"], rows)
        for number in numbers:
            await self._write_stop(connection, number)
        if numbers:
            await quota.touch(connection, [self.pool_id])
        elif users:
            await connection.execute(SQL["move"], self.pool_id)

    async def _write_stop(self, connection: Any, number: PhoneNumberId) -> None:
        stop = self.stops[number]
        recovers_at = None if stop.strikes else stop.heard_at
        await connection.execute(SQL["write_number"], number, *stop, recovers_at)
        if stop.strikes:
            LOG.warning(
                "Meta limits a number for spam",
                phone_number_id=number,
                step=stop.strikes,
                until=stop.until,
            )

    def _row(self, key: ContactKey) -> dict[str, Any]:
        cap, pair, tat = self.caps[key], self.pairs[key], self.tats[key]
        if pair.until is not None:  # which is not kept, so this is a new strike
            tat = schedule(self.knobs[key.phone_number_id]).refused(tat, pair.until)
        return {
            **key._asdict(),
            "capped_count": cap.strikes,
            "capped_at": cap.heard_at,
            "capped_until": cap.until,
            "pair_strikes": pair.strikes,
            "pair_struck_at": pair.heard_at,
            "pair_tat": tat,
        }


async def _recall(
    connection: Any, pool_id: PoolId, heard: Sequence[Heard], knobs: Knobs
) -> _Memory:
    """Read what the pool remembers of the numbers and users concerned."""
    memory = _Memory(pool_id)
    keys = list(dict.fromkeys(each.key for each in heard))
    numbers, users = [key.phone_number_id for key in keys], [key.user_id for key in keys]
    for row in await connection.fetch(SQL["numbers"], pool_id, numbers):
        number = row["phone_number_id"]
        memory.stops[number] = Rest(row["spam_step"], row["spam_at"], row["spam_until"])
        layers = orjson.loads(row["pool_knobs"]), orjson.loads(row["knobs"])
        memory.knobs[number] = turned(knobs, *layers)
    memory.caps = dict.fromkeys(keys, Rest())
    memory.pairs = dict.fromkeys(keys, Rest())
    memory.tats = dict.fromkeys(keys)
    for row in await connection.fetch(SQL["contacts"], pool_id, numbers, users):
        key = ContactKey(pool_id, row["phone_number_id"], row["user_id"])
        memory.caps[key] = Rest(row["capped_count"], row["capped_at"], row["capped_until"])
        memory.pairs[key] = Rest(row["pair_strikes"], row["pair_struck_at"])
        memory.tats[key] = row["pair_tat"]
    return memory
