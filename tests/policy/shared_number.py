"""Lets processes settle a number's shares in a world of their own, with deaths, stalls and skew."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from gateway.policy.rate_shares import CREDIT, JITTER, LEASE, Share, grant_of, settle
from tests.policy.making import NOW

LEASE_S: Final = LEASE.total_seconds()
SQUEEZED_S: Final = 1 + JITTER
"""What leaves within so long may arrive within a second."""


def after(seconds: float) -> datetime:
    """Return a moment after the beginning."""
    return NOW + timedelta(seconds=seconds)


@dataclass
class Process:
    """A process with a clock of its own, which may be wrong."""

    who: UUID
    skew_s: float
    demand: float = 0.0
    granted: float = 0.0
    lease_end_s: float = 0.0
    held_until: datetime | None = None
    draft: tuple[int, float, Share] | None = None

    def rate(self, now_s: float) -> float:
        """Return what it sends at, whether it is alive or not."""
        return self.granted if now_s < self.lease_end_s else 0.0


@dataclass
class World:
    """Processes that settle in a store by compare and set, and that die and stall between."""

    level: int
    processes: list[Process]
    now_s: float = 0.0
    version: int = 0
    rows: dict[UUID, Share] = field(default_factory=dict)
    gone: list[Process] = field(default_factory=list)
    sent_s: dict[UUID, float] = field(default_factory=dict)
    history: list[tuple[float, dict[UUID, float]]] = field(default_factory=list)

    def begin(self, place: int) -> None:
        """Read and reckon; what is lowered is lowered at once."""
        process = self.processes[place]
        now = after(self.now_s + process.skew_s)
        if process.granted and self.now_s >= process.lease_end_s:
            process.granted, process.held_until = 0.0, now
        own = Share(process.who, process.demand, 0.0, process.granted, now, process.held_until)
        others = [row for who, row in self.rows.items() if who != process.who]
        share = settle(self.level, own, others, now)
        if share.granted < process.granted:
            process.granted = share.granted
            process.held_until = share.held_until
        process.draft = (self.version, self.now_s, share)

    def finish(self, place: int) -> None:
        """Write, unless somebody else has; what is raised is raised now."""
        process = self.processes[place]
        draft, process.draft = process.draft, None
        if draft is None or draft[0] != self.version:
            return
        _, began_s, share = draft
        self.version += 1
        self.rows[process.who] = share
        process.granted, process.held_until = share.granted, share.held_until
        process.lease_end_s = began_s + LEASE_S

    def settle(self, place: int) -> None:
        """Do both, with nobody between."""
        self.begin(place)
        self.finish(place)

    def replace(self, place: int) -> None:
        """Kill a process; another starts in its stead."""
        self.gone.append(self.processes[place])
        who = UUID(int=100 + len(self.gone))
        self.processes[place] = Process(who, self.processes[place].skew_s)

    def check(self) -> None:
        """Check that no sliding second can hold more than the level from here on."""
        rates = {each.who: each.rate(self.now_s) for each in (*self.processes, *self.gone)}
        self.history.append((self.now_s, rates))
        self.sent_s |= {who: self.now_s for who, rate in rates.items() if rate > 0}
        holders = sum(self.now_s - at < SQUEEZED_S for at in self.sent_s.values())
        assert sum(rates.values()) * (1 + CREDIT + JITTER) + holders <= self.level + 1

    def wait(self, seconds: float) -> None:
        """Let time pass in steps, so that no lease ends unseen."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(self.now_s + 0.1, until_s)
            self.check()

    def sent(self) -> list[float]:
        """Return when greedy buckets under these rates send; one that was stopped begins empty."""
        times: list[float] = []
        tokens: dict[UUID, float] = {}
        for (at, rates), (until, _) in pairwise(self.history):
            for who, rate in rates.items():
                held, burst = tokens.get(who, 0.0), grant_of(rate).burst
                now = at
                while rate > 0 and now + max(1 - held, 0) / rate <= until:
                    wait_s = max(1 - held, 0) / rate
                    now += wait_s
                    held = held + wait_s * rate - 1
                    times.append(now)
                tokens[who] = min(held + (until - now) * rate, burst) if rate > 0 else 0.0
        return sorted(times)


def world_of(level: int, skews: Sequence[float]) -> World:
    """Make a world of processes whose clocks are wrong by so many seconds."""
    return World(level, [Process(UUID(int=n + 1), skew) for n, skew in enumerate(skews)])


def fullest(times: Sequence[float], window_s: float) -> int:
    """Return how many of the sorted times the fullest window holds."""
    first, most = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - window_s:
            first += 1
        most = max(most, last - first + 1)
    return most
