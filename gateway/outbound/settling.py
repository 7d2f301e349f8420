"""Settles with the other processes, a few times a second, who may send how much of each number."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

import structlog

from gateway.clock import Clock, SystemClock
from gateway.outbound.fullest_second import FullestSecond
from gateway.outbound.holds import Held, Holds
from gateway.policy.rate_shares import LEASE, Grant, Share, fair, grant_of, settle
from gateway.policy.throttling import (
    REPEATS_WITHIN,
    THROUGHPUT,
    Refusal,
    Speed,
    slowed,
    slower,
    speed_now,
)
from gateway.store import lines as store
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.store.lines import Settled

SETTLE_S: Final = 0.25
"""How often to settle: an idle share is another's after three rounds at the most."""
LAPSE_S: Final = 0.1
"""How often to look for grants that have run out."""
LEASE_S: Final = LEASE.total_seconds()
RESTS_AFTER_S: Final = 60.0
"""A line that nobody has wanted for so long gives its share back, and is not settled."""
TRIES: Final = 3


class Regulated(Protocol):
    """What a settlement needs of a number's line; `level` in messages a second."""

    phone_number_id: str
    level: int

    def demand(self) -> float:
        """Return the messages a second wanted lately, with those that wait."""
        ...

    def regulate(self, grant: Grant) -> None:
        """Send at this rate from now on; after a rate of 0 the bucket begins empty."""
        ...

    def expect(self, rate: float) -> None:
        """Reckon with this rate, in messages a second: it is on its way."""
        ...

    def hold(self, seconds: float) -> None:
        """Let nothing leave for so long."""
        ...


@dataclass(slots=True)
class _Standing:
    """Where this process stands with one number; `_s` are instants of the monotonic clock."""

    wanted_s: float
    line: Regulated | None = None
    granted: float = 0.0
    lease_end_s: float = -math.inf
    held_until: datetime | None = None
    speed: Speed | None = None
    inbound: FullestSecond = field(default_factory=FullestSecond)
    is_told: bool = False
    """The others know of something that is no more when this process falls silent."""
    is_asking: bool = False

    def regulate(self, rate: float, now: datetime) -> None:
        """Have the line send at `rate`; a share given up was held until now."""
        if self.granted > 0 and rate <= 0:
            self.held_until = now
        self.granted = rate
        if self.line is not None:
            self.line.regulate(grant_of(rate))


class Settlement:
    """The shares that this process has of the numbers it serves, and what it knows of holds.

    `run_once` settles, every SETTLE_S seconds and when `wanted` is called; `lapse` stops what has
    not been settled for LEASE_S seconds, every LAPSE_S. Leases are of this world: they take no
    notice of a sandbox's clock.
    """

    def __init__(
        self,
        database: Database,
        lines: Callable[[], Iterable[Regulated]],
        process_id: UUID,
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._lines = lines
        self._process_id = process_id
        self._clock = clock or SystemClock()
        self._monotonic = monotonic
        self._standings: dict[str, _Standing] = {}
        self._holds = Holds()
        self._is_closed = False
        self.is_away = False
        """Whether the database could not be reached the last time."""
        self.wanted: Callable[[], None] = _nobody
        """Called when a settlement should not wait for its turn."""
        self._log = structlog.get_logger("gateway.outbound.settling")

    async def run_once(self) -> int:
        """Settle what there is to settle; return how many numbers were.

        With the database away nothing is, and what was granted runs out.
        """
        await self.lapse()
        self._find_lines()
        due = [number for number, standing in self._standings.items() if self._is_due(standing)]
        if not due and self._holds.are_saved:
            return 0
        try:
            count = await self._settle(due)
        except StoreUnavailableError as error:
            if not self.is_away:
                self._log.warning("shares cannot be settled", error=str(error))
            self.is_away = True
            return 0
        self.is_away = False
        return count

    async def lapse(self) -> int:
        """Stop the lines whose lease has run out; return how many."""
        now_s = self._monotonic()
        ended = [s for s in self._standings.values() if s.granted > 0 and s.lease_end_s <= now_s]
        for standing in ended:
            standing.regulate(0.0, self._clock.now())
        return len(ended)

    async def close(self) -> None:
        """Stop all lines and give the shares back, if the database is there to be told."""
        self._is_closed = True
        for standing in self._standings.values():
            standing.regulate(0.0, self._clock.now())
        await self.run_once()

    def want(self, phone_number_id: str) -> None:
        """Have a line settled soon that has something to send and no grant; again does nothing."""
        standing = self._standing(phone_number_id)
        if standing.granted <= 0 and not standing.is_asking:
            standing.is_asking = True
            self.wanted()

    def note_inbound(self, phone_number_id: str, count: int) -> None:
        """Count messages that users have just sent to a number: they use its throughput, too.

        Source: THR (11 Sep 2026), R§5.1.
        """
        self._standing(phone_number_id).inbound.add(count, self._monotonic())

    def learn(self, refused: Refusal) -> None:
        """Draw the lesson from a refusal of Meta's, at once; the others hear of it soon."""
        now = self._clock.now()
        if refused.code == THROUGHPUT:
            self._slow(refused.phone_number_id, now)
        if self._holds.strike(refused, now):
            self._hold_lines(now)
            self.wanted()

    def hold_of(self, phone_number_id: str, waba_id: str, app_id: str) -> Held | None:
        """Return what holds up such a message the longest, None when nothing does."""
        if self._holds.are_none:
            return None
        return self._holds.of_message(phone_number_id, waba_id, app_id, self._clock.now())

    def _standing(self, phone_number_id: str) -> _Standing:
        standing = self._standings.get(phone_number_id)
        if standing is None:
            standing = _Standing(wanted_s=self._monotonic())
            self._standings[phone_number_id] = standing
        return standing

    def _find_lines(self) -> None:
        now_s = self._monotonic()
        for line in self._lines():
            standing = self._standing(line.phone_number_id)
            if standing.line is not line:
                standing.line = line
                line.regulate(grant_of(standing.granted))
                standing.wanted_s = now_s
            elif line.demand() > 0:
                standing.wanted_s = now_s

    def _is_due(self, standing: _Standing) -> bool:
        return standing.is_told or self._demand(standing) is not None or self._inbound(standing) > 0

    def _demand(self, standing: _Standing) -> float | None:
        """Return the demand, None where this process has no use for a share."""
        rests = self._monotonic() - standing.wanted_s >= RESTS_AFTER_S
        if standing.line is None or rests or self._is_closed:
            return None
        return standing.line.demand()

    def _inbound(self, standing: _Standing) -> int:
        return 0 if self._is_closed else standing.inbound.most(self._monotonic())

    async def _settle(self, due: Sequence[str]) -> int:
        """Settle the numbers that are due; those where another was faster, once more."""
        left = list(due)
        async with self._database.connection() as connection:
            await self._holds.save(connection)
            for _ in range(TRIES):
                written = await self._round(connection, left)
                left = [number for number in left if number not in written]
                if not left:
                    break
        return len(due) - len(left)

    async def _round(self, connection: Any, numbers: Sequence[str]) -> set[str]:
        """Read, settle, write; no lock is held while thinking.

        What is lowered is lowered before the others can know, and what is raised is raised after
        it was written, on a lease that counts from before the writing.
        """
        since = self._clock.now() - REPEATS_WITHIN
        seen, holds = await store.read(connection, numbers, since)
        began_s, now = self._monotonic(), self._clock.now()
        self._holds.remember(holds)
        self._hold_lines(now)
        settled = {
            number: self._reckon(self._standings[number], seen.get(number, store.NOTHING), now)
            for number in numbers
        }
        for number, one in settled.items():
            if one.share.granted < self._standings[number].granted:
                self._standings[number].regulate(one.share.granted, now)
        written = await store.write(connection, settled, now)
        for number in written:
            self._adopt(self._standings[number], settled[number], began_s)
        return written

    def _reckon(self, standing: _Standing, seen: store.Seen, now: datetime) -> Settled:
        standing.speed = slower(standing.speed, seen.speed, now)
        own = Share(
            self._process_id,
            self._demand(standing),
            self._inbound(standing),
            standing.granted,
            now,
            standing.held_until,
        )
        others = [share for share in seen.shares if share.process_id != self._process_id]
        level = standing.line.level if standing.line is not None else 0
        able = speed_now(level, standing.speed, now)
        if standing.line is not None:
            standing.line.expect(fair(able, own, others, now))
        share = settle(able, own, others, now)
        return Settled(seen.version, standing.speed, share)

    def _adopt(self, standing: _Standing, one: Settled, began_s: float) -> None:
        """Take what was written for true; what was learnt meanwhile keeps it lower."""
        share = one.share
        rate = share.granted if standing.speed is one.speed else standing.granted
        standing.lease_end_s = began_s + LEASE_S
        standing.is_told = share.demand is not None or share.inbound > 0
        standing.is_asking = share.demand is not None and rate <= 0
        if standing.lease_end_s > self._monotonic():
            standing.regulate(rate, self._clock.now())

    def _hold_lines(self, now: datetime) -> None:
        for number, standing in self._standings.items():
            seconds = self._holds.of_number(number, now)
            if seconds > 0 and standing.line is not None:
                standing.line.hold(seconds)

    def _slow(self, phone_number_id: str, now: datetime) -> None:
        standing = self._standing(phone_number_id)
        if standing.line is None:
            return
        level = standing.line.level
        before = speed_now(level, standing.speed, now)
        speed = slowed(level, standing.speed, now)
        if speed is not standing.speed:
            standing.speed = speed
            standing.regulate(standing.granted * speed.slowed_to / before, now)
            self.wanted()


def _nobody() -> None:
    """Stand in until somebody runs the settlement."""
