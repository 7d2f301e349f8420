"""Plans a campaign over the time to come without sending it: when each slice goes, and why then.

The plan is made recipient by recipient from the decision's own rules and schedules. Who is in the
ledger already goes first: they hold nobody back, and would cost a slot later. What others send in
the meantime, and what changes a number's usual volume, cannot be foreseen.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import heapify, heapreplace
from typing import Final, NamedTuple

from gateway.policy.lanes import Gate, Lane, Sender, gate
from gateway.policy.send_class import SendClass
from gateway.policy.shares import holders_of
from gateway.policy.slots import MICROSECOND, Hold, Leaving, Slots, Supply
from gateway.whatsapp.number import Regime

HORIZON: Final = timedelta(days=366)
MOST_SLICES: Final = 200
AT_ONCE: Final = 60_000_000
"""Microseconds: what follows within a minute belongs together, be it fast or slow."""
ALIKE: Final = 1.5
"""Two intervals are one pace when neither is this many times the other."""
DAY_US: Final = timedelta(days=1) // MICROSECOND
THROUGHPUT: Final = "throughput"


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is to be sent from which numbers.

    `new` recipients cost a slot, those in `counted` have one already, which leaves at its instant
    unless it is renewed; `supply.leaving` are the slots of everybody else.
    """

    senders: Sequence[Sender]
    supply: Supply
    send_class: SendClass
    app_id: str = ""
    new: int = 0
    counted: Sequence[Leaving] = ()


class Departure(NamedTuple):
    """One message: microseconds after `now`, and what it waited for."""

    at: int
    hold: Hold


class Slice(NamedTuple):
    """So many messages between two instants; `hold` says what held the first of them back."""

    at: datetime
    until: datetime
    messages: int
    hold: Hold


@dataclass(frozen=True, slots=True)
class Plan:
    """When everything goes.

    `now_count` messages wait for nothing but the number's throughput. `last_at` is None where
    something never goes, or not within the horizon; `unplanned` says how many, `reason` why.
    """

    slices: tuple[Slice, ...]
    days: tuple[tuple[date, int], ...]
    now_count: int
    last_at: datetime | None
    unplanned: int = 0
    reason: Hold | None = None


def plan(campaign: Campaign, now: datetime) -> Plan:
    """Return when everything goes if it begins at `now`."""
    course, gathered = Course(campaign, now), _Gathered(now)
    for departure in course.departures():
        gathered.add(departure)
    slices = gathered.slices()
    is_whole = course.left == 0
    return Plan(
        slices=slices,
        days=gathered.days(),
        now_count=gathered.now_count,
        last_at=slices[-1].until if is_whole and slices else None,
        unplanned=course.left,
        reason=None if is_whole else course.reason,
    )


class Course:
    """Lets a campaign run, message by message; `left` is what could not go, `reason` why."""

    def __init__(self, campaign: Campaign, now: datetime) -> None:
        supply = campaign.supply
        gates = [(sender, gate(sender, supply, now)) for sender in campaign.senders]
        self._lanes = [
            Lane(sender, supply, opened, now)
            for sender, opened in gates
            if opened.opens_at is not None
        ]
        self._regime = supply.regime
        self._now = now
        self._horizon = HORIZON // MICROSECOND
        self._counted = sorted(campaign.counted)
        window = campaign.senders[0].knobs.limit_window
        own = holders_of(campaign.send_class, campaign.app_id)
        self._slots = Slots(supply, own, window)
        self._slots.foresee(supply.leaving, now)
        self._new = campaign.new
        self._last = Departure(0, Hold(THROUGHPUT, ""))
        self.left = campaign.new + sum(each.slots for each in campaign.counted)
        self.reason = _shut([opened for _, opened in gates])

    def departures(self) -> Iterator[Departure]:
        """Yield every message in the order of their instants."""
        if self._lanes:
            yield from self._to_counted()
            yield from self._to_new()

    def _queue(self, *, new_user: bool) -> list[tuple[int, int]]:
        queue = [
            (lane.earliest(self._last.at, new_user=new_user), index)
            for index, lane in enumerate(self._lanes)
        ]
        heapify(queue)
        return queue

    def _to_counted(self) -> Iterator[Departure]:
        """Send to those who have a slot, first to whom it leaves first; too late, it costs one."""
        queue = self._queue(new_user=False)
        for each in self._counted:
            self._slots.count(holders_of(each.send_class, each.app_id), each.slots)
        for each in self._counted:
            holders = holders_of(each.send_class, each.app_id)
            leaves_at = (each.at - self._now) // MICROSECOND
            for done in range(each.slots):
                at, index = queue[0]
                if leaves_at <= at:
                    self._new += each.slots - done
                    self._slots.count(holders, done - each.slots)
                    break
                lane = self._lanes[index]
                departure = self._leave(at, lane.hold)
                lane.start(at, new_user=False)
                self._slots.renew(at, holders)
                heapreplace(queue, (lane.earliest(at, new_user=False), index))
                yield departure

    def _to_new(self) -> Iterator[Departure]:
        queue = self._queue(new_user=True)
        for _ in range(self._new):
            _, index = queue[0]
            lane = self._lanes[index]
            departure = self._fit(lane, queue[0][0])
            if departure is None:
                return
            at = departure.at
            lane.start(at, new_user=True)
            self._slots.take(at)
            if self._regime is Regime.PER_NUMBER and self._slots.counted >= lane.terms.allowance:
                lane.restrict(at)
            heapreplace(queue, (lane.earliest(at, new_user=True), index))
            yield departure

    def _fit(self, lane: Lane, fits_at: int) -> Departure | None:
        """Return when both number and pool have room, None where that is never or too late.

        `fits_at` is when the number has.
        """
        at, hold = fits_at, lane.hold
        if at < self._last.at:  # the pool has had no room before
            at, hold = self._last
        while True:
            free_at, waits_for = self._slots.earliest(at, lane.terms)
            if free_at is None:
                self.reason = waits_for
                return None
            if waits_for is not None:
                at, hold = free_at, waits_for
            if at > self._horizon:
                self.reason = Hold(hold.rule, f"Not within {HORIZON.days} days. {hold.sentence}")
                return None
            if at != fits_at:
                fits_at = lane.earliest(at, new_user=True)
            if at == fits_at:
                return self._leave(at, hold)
            at, hold = fits_at, lane.hold

    def _leave(self, at: int, hold: Hold) -> Departure:
        self.left -= 1
        self._last = Departure(at, hold)
        return self._last


def _shut(gates: Sequence[Gate]) -> Hold | None:
    return next((opened.hold for opened in gates if opened.opens_at is None), None)


@dataclass(slots=True)
class _Run:
    """A slice that may still grow; `pace` is the last interval, or the one before its first."""

    at: int
    until: int
    count: int
    hold: Hold
    pace: int

    def goes_on(self, departure: Departure) -> bool:
        """Tell whether a message belongs to it: nothing new holds it and the pace is the same."""
        if departure.hold.rule not in (self.hold.rule, THROUGHPUT):
            return False
        gap = departure.at - self.until
        if gap <= AT_ONCE:
            return self.pace <= AT_ONCE or self.count == 1
        return gap <= ALIKE * self.pace and self.pace <= ALIKE * gap


class _Gathered:
    """Departures gathered into slices and days."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._today = now.date()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self._past_midnight = (now - midnight) // MICROSECOND
        self._runs: list[_Run] = []
        self._days: Counter[int] = Counter()

    def add(self, departure: Departure) -> None:
        """Add the next message."""
        at = departure.at
        last = self._runs[-1] if self._runs else None
        if last is not None and last.goes_on(departure):
            last.pace = at - last.until
            last.until = at
            last.count += 1
        else:
            self._runs.append(_Run(at, at, 1, departure.hold, at - last.until if last else at))
        self._days[(at + self._past_midnight) // DAY_US] += 1

    @property
    def now_count(self) -> int:
        """How many wait for nothing but the throughput."""
        first = self._runs[0] if self._runs else None
        return first.count if first is not None and first.hold.rule == THROUGHPUT else 0

    def days(self) -> tuple[tuple[date, int], ...]:
        """Return how many go on each day that has any, by UTC."""
        return tuple(
            (self._today + timedelta(days=day), count) for day, count in sorted(self._days.items())
        )

    def slices(self) -> tuple[Slice, ...]:
        """Return the slices; brief ones join their neighbours, longer ones where they are many."""
        near = AT_ONCE
        runs = _joined(self._runs, near)
        while len(runs) > MOST_SLICES:
            near *= 2
            runs = _joined(runs, near)
        return tuple(
            Slice(self._instant(run.at), self._instant(run.until), run.count, run.hold)
            for run in runs
        )

    def _instant(self, at: int) -> datetime:
        return self._now + at * MICROSECOND


def _joined(runs: Sequence[_Run], near: int) -> list[_Run]:
    """Join what is brief to what is near before it; what held the larger part back is told.

    What goes at once stays by itself.
    """
    joined: list[_Run] = []
    for run in runs:
        last = joined[-1] if joined else None
        if (
            last is None
            or last.hold.rule == THROUGHPUT
            or max(run.at - last.until, run.until - run.at) > near
        ):
            joined.append(run)
            continue
        hold = last.hold if last.count >= run.count else run.hold
        joined[-1] = _Run(last.at, run.until, last.count + run.count, hold, run.pace)
    return joined
