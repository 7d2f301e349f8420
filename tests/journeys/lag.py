"""Measures how late this process notices things, for tests that look at instants.

Whoever notes when something arrives must be awake to do so: what comes while the machine does
something else is noted late, and all at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from gateway.clock import SystemClock
from gateway.policy.rate_shares import CREDIT

LOOK_S: Final = 0.005


@dataclass
class Lag:
    """How late the loop of this process was: by when (a timestamp), and by how many seconds."""

    late: list[tuple[float, float]] = field(default_factory=list)

    @property
    def most_s(self) -> float:
        """The longest."""
        return max((late_s for _, late_s in self.late), default=0.0)

    def lost_s(self, start: float, end: float) -> float:
        """Return what was lost between two timestamps, beyond the CREDIT that a line has."""
        return sum(max(late_s - CREDIT, 0.0) for at, late_s in self.late if start <= at < end)


@asynccontextmanager
async def measured_lag() -> AsyncIterator[Lag]:
    """Measure while the context lasts."""
    lag = Lag()

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_S
            await asyncio.sleep(LOOK_S)
            lag.late.append((SystemClock().now().timestamp(), loop.time() - due))

    watching = asyncio.create_task(watch())
    try:
        yield lag
    finally:
        watching.cancel()
