"""Puts several processes on one database, each with a stub of a line, in a time moved by hand."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from gateway.outbound.settling import SETTLE_S, Settlement
from gateway.policy.rate_shares import GRACE, Grant, grant_of
from gateway.policy.throttling import Refusal
from gateway.store.database import Database
from tests.policy.making import NUMBER, WABA
from tests.store.stocked import ManualClock

GRACE_S: Final = GRACE.total_seconds()
PLENTY: Final = 10_000.0
"""More messages a second than any number may send."""


class StubLine:
    """A line that does as it is told and remembers it."""

    def __init__(self, phone_number_id: str = NUMBER, level: int = 80) -> None:
        self.phone_number_id = phone_number_id
        self.level = level
        self.wants = 0.0
        self.grant = grant_of(float(level))
        self.held: list[float] = []

    def demand(self) -> float:
        return self.wants

    def expect(self, rate: float) -> None:
        self.expected = rate

    def regulate(self, grant: Grant) -> None:
        self.grant = grant

    def hold(self, seconds: float) -> None:
        self.held.append(seconds)


class Time:
    """The hour and the monotonic clock, moved together by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.monotonic_s = 500.0

    def pass_by(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.monotonic_s += seconds


class Process:
    """A process with a line of the number, and what it was woken for."""

    def __init__(self, database: Database, time: Time, who: int, *lines: StubLine) -> None:
        self.line, *_ = self.lines = list(lines or [StubLine()])
        self.woken = 0
        self.settlement = Settlement(
            database, lambda: self.lines, UUID(int=who), time.clock, lambda: time.monotonic_s
        )
        self.settlement.wanted = self._wake

    def _wake(self) -> None:
        self.woken += 1

    @property
    def rate(self) -> float:
        return self.line.grant.rate

    def learn(self, code: int, *, own_token: bool = False) -> None:
        refused = Refusal(self.line.phone_number_id, WABA, "shop", own_token, code, {})
        self.settlement.learn(refused)


def is_away(process: Process) -> bool:
    return process.settlement.is_away


class Fleet:
    """Some processes on one database."""

    def __init__(self, database: Database, count: int) -> None:
        self.database = database
        self.time = Time()
        self.processes = [Process(database, self.time, who) for who in range(1, count + 1)]

    async def rounds(self, count: int = 1) -> None:
        """Let everybody settle every SETTLE_S seconds."""
        for _ in range(count):
            for process in self.processes:
                await process.settlement.run_once()
            self.time.pass_by(SETTLE_S)

    @property
    def rates(self) -> list[float]:
        return [process.rate for process in self.processes]


@pytest.fixture
def two(database: Database) -> Fleet:
    """Return two processes."""
    return Fleet(database, 2)


@pytest.fixture
def three(database: Database) -> Fleet:
    """Return three processes."""
    return Fleet(database, 3)


def near(rates: Any, abs: float = 0.03) -> Any:  # noqa: A002 - as pytest.approx has it
    """Compare rates: buckets refill at whole steps."""
    return pytest.approx(rates, abs=abs)
