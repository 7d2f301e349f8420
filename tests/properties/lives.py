"""Lets everything happen to messages that can, and checks what is written of them each time."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

import orjson
import pytest

from gateway.cloud.outcome import InDoubt, Outcome, Refused
from gateway.inbound.message_events import MessageEvents
from gateway.outbound.answers import AnswerWriter
from gateway.outbound.parcels import Wishes
from gateway.policy.lifecycle import RANK, MessageState
from gateway.store import backlog, messages, outbox
from gateway.store.backlog import Deed, Order, ParcelFilter
from gateway.store.messages import Answer
from gateway.store.outbox import Lease
from gateway.whatsapp.callback import unwrap
from gateway.whatsapp.events import DeliveryStatus
from tests.inbound.making import directory_of, status
from tests.outbound.office import ACCEPTED, META, UNREACHABLE, Office, refused, running
from tests.policy.making import DAY, KNOBS, NOW

S = MessageState
D = DeliveryStatus
MINUTE: Final = timedelta(minutes=1)
UNANSWERED: Final = 2 * MINUTE
OUTCOMES: Final[tuple[Outcome, ...]] = (
    ACCEPTED,
    ACCEPTED,
    refused(130429),
    refused(131026),
    UNREACHABLE,
    InDoubt(META, "reset"),
)
STATUSES: Final = (D.SENT, D.DELIVERED, D.READ, D.FAILED)
NO_SLOT: Final = {S.TURNED_AWAY, S.PARKED, S.EXPIRED, S.CANCELLED, S.REFUSED, S.FAILED}
KEPT_IN: Final[Mapping[str, set[MessageState]]] = {
    "parked": {S.PARKED},
    "held": {S.PARKED},
    "sending": {S.RESERVED, S.IN_DOUBT, S.UNKNOWN},
    "dead": {S.REFUSED, S.TURNED_AWAY},
}
"""Where messages may be whose parcel is so; those in any other state have none."""


class Lives:
    """Messages of two processes, one of which dies whenever it has sent something."""

    def __init__(
        self, living: Office, dying: Office, rng: Random, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._living, self._dying, self._rng = living, dying, rng
        self._stock, self._clock = living.stock, living.clock
        self._states: dict[UUID, MessageState] = {}
        self._sends: dict[UUID, list[Outcome]] = defaultdict(list)
        self._told: set[UUID] = set()
        self._answers: list[tuple[Answer, bool]] = []
        self._monkeypatch = monkeypatch
        self._keep_answers(living.answers)
        self.events: list[Callable[[], Awaitable[object]]] = [
            *(self.take, self.take, self.release, self.release, self.pass_by, self.pass_by),
            *(self.take_and_die, self.release_and_die, self.claim_and_die, self.come_back),
            *(self.status, self.status, self.sweep, self.give_up, self.expire, self.repeat),
            self.deed,
        ]

    def _keep_answers(self, writer: AnswerWriter) -> None:
        record = writer.record

        def keep(answer: Answer, *, correlated: bool) -> None:
            self._answers.append((answer, correlated))
            record(answer, correlated=correlated)

        self._monkeypatch.setattr(writer, "record", keep)

    async def happen(self) -> str:
        """Let something happen, and check; return what it was."""
        event = self._rng.choice(self.events)
        outcome = self._rng.choice(OUTCOMES)
        for office in (self._living, self._dying):
            office.cloud.outcome = outcome
            office.cloud.seen.clear()
        await event()
        await self._living.answers.flushed()
        for office in (self._living, self._dying):
            for _, body, _ in office.cloud.seen:
                self._note_send(body, outcome)
        await self.check()
        return event.__name__

    def _note_send(self, body: bytes, outcome: Outcome) -> None:
        """Check that nothing leaves once more of which it is not proven that it was not sent."""
        mark, _ = unwrap(orjson.loads(body)["biz_opaque_callback_data"])
        message = UUID(hex=mark)
        assert all(isinstance(before, Refused) for before in self._sends[message]), "doubled"
        assert message not in self._told, "sent although Meta has told what became of it"
        self._sends[message].append(outcome)

    # --- what may happen

    async def take(self) -> None:
        """Let an app send."""
        await self._take(self._living)

    async def take_and_die(self) -> None:
        """Let an app send by way of a process that dies before the answer is written."""
        await self._take(self._dying)

    async def _take(self, office: Office) -> None:
        rng, now = self._rng, self._clock.now()
        later = now + rng.randrange(1, 20) * MINUTE
        wishes = rng.choice(
            [
                Wishes(),
                Wishes(resends={"other": True}),
                Wishes(responds_async=True),
                Wishes(responds_async=True, expires_at=later),
                Wishes(send_at=later),
            ]
        )
        await office.take(rng.randrange(8), wishes)

    async def release(self) -> None:
        """Release what is due."""
        await self._release(self._living)

    async def release_and_die(self) -> None:
        """Release by way of a process that dies before the answers are written."""
        await self._release(self._dying)

    async def _release(self, office: Office) -> None:
        office.releaser.lift()
        await office.releaser.run_once()
        await office.releaser.close()

    async def claim_and_die(self) -> None:
        """Claim something and die."""
        now = self._clock.now()
        async with self._stock.database.connection() as connection:
            due = await outbox.due(connection, now)
            lease = Lease(UUID(int=9), now, now + MINUTE)
            await outbox.claim(connection, {each.group: 1 for each in due}, lease)

    async def come_back(self) -> None:
        """Write the answers after all that were not written in time."""
        async with running(self._dying):
            await self._dying.answers.flushed()

    async def pass_by(self) -> None:
        """Let time pass."""
        by = timedelta(seconds=self._rng.choice([1, 10, 60, 300, 600]))
        self._living.clock.advance(by)
        self._dying.clock.advance(by)

    async def status(self) -> None:
        """Let Meta tell of a message, whatever we think of it, twice now and then."""
        if not self._states:
            return
        message, kind = self._rng.choice(sorted(self._states)), self._rng.choice(STATUSES)
        told = status(message, kind, self._clock.now(), 131026 if kind is D.FAILED else None)
        self._told.add(message)
        learner = MessageEvents(await directory_of(self._stock), self._clock, KNOBS)
        async with self._stock.database.connection() as connection:
            await learner.apply(connection, [told] * self._rng.randrange(1, 3))

    async def sweep(self) -> None:
        """Let what was never answered be in doubt."""
        until = self._clock.now() - UNANSWERED
        async with self._stock.database.connection() as connection:
            await messages.doubt_unanswered(connection, NOW - MINUTE, until, UNANSWERED)

    async def give_up(self) -> None:
        """Let a doubt that nobody resolves be one for good."""
        await self._stock.fetch("update messages set state = 'unknown' where state = 'in_doubt'")

    async def expire(self) -> None:
        """Take out what is of no use any more."""
        async with self._stock.database.connection() as connection:
            await outbox.expire(connection, self._clock.now())

    async def repeat(self) -> None:
        """Write an answer once more, of which we have not heard that it was written."""
        if self._answers:
            answer, correlated = self._rng.choice(self._answers)
            self._living.answers.record(answer, correlated=correlated)

    async def deed(self) -> None:
        """Let an operator steer everything of one app, number and class."""
        deed, now = self._rng.choice(list(Deed)), self._clock.now()
        order = Order(deed, ParcelFilter(), now, now + 20 * MINUTE)
        await backlog.do(self._stock.database, order)
        if deed is Deed.REDRIVE:
            # Its attempts are counted from the beginning.
            self._answers.clear()

    async def end(self) -> None:
        """Let everything come to its end."""
        await self.come_back()
        for office in (self._living, self._dying):
            office.clock.advance(timedelta(days=8))
        await self.sweep()
        async with self._stock.database.connection() as connection:
            await outbox.rescue(connection, self._clock.now())
        await self.expire()
        learner = MessageEvents(await directory_of(self._stock), self._clock, KNOBS)
        sent = [m for m, s in (await self._journal()).items() if RANK[s] in range(1, 5)]
        async with self._stock.database.connection() as connection:
            told = [status(m, D.DELIVERED, self._clock.now()) for m in sent]
            await learner.apply(connection, told)

    # --- what is always true

    async def check(self) -> None:
        """Check that journal, ledger and outbox agree, and that nothing has moved backwards."""
        states = await self._journal()
        for message, state in states.items():
            before = self._states.get(message, state)
            # What Meta refused may begin anew, however late we have heard that it did.
            was_refused = any(isinstance(last, Refused) for last in self._sends[message][-1:])
            begins = RANK[state] == RANK[S.PARKED] and was_refused
            assert begins or RANK[state] >= RANK[before], (before, state)
        self._states = states
        await self._check_outbox(states)
        await self._check_ledger()

    async def _journal(self) -> dict[UUID, MessageState]:
        rows = await self._stock.fetch("select message_id, state from messages")
        return {UUID(int=row["message_id"].int): S(row["state"]) for row in rows}

    async def _check_outbox(self, states: Mapping[UUID, MessageState]) -> None:
        rows = await self._stock.fetch("select message_id, state from outbox")
        parcels = {UUID(int=row["message_id"].int): row["state"] for row in rows}
        for message, parcel in parcels.items():
            assert states[message] in KEPT_IN[parcel], (parcel, states[message])
        assert {m for m, s in states.items() if s is S.PARKED} <= parcels.keys(), "lost"

    async def _check_ledger(self) -> None:
        """Check that a slot is held by who may have got something, and no less long than that."""
        since = self._clock.now() - DAY
        held = await self._stock.fetch(
            "select user_id, state, coalesce(answered_at, decided_at, created_at) as at"
            " from messages where hold in ('reserved', 'settled')"
        )
        assert not NO_SLOT & {row["state"] for row in held}
        reached: dict[str, datetime] = {}
        for row in held:
            if row["at"] > since:
                reached[row["user_id"]] = max(row["at"], reached.get(row["user_id"], row["at"]))
        ledger = await self._stock.ledger()  # checks what is counted
        assert {user for user, at in ledger.items() if at > since} == reached.keys()
        assert all(ledger[user] >= at for user, at in reached.items())
