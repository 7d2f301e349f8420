"""Measures how late this process notices things, for tests that look at instants.

Whoever notes when something arrives must be awake to do so: what comes while the machine does
something else is noted late, and all at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from gateway.policy.rate_shares import CREDIT

LOOK_S: Final = 0.005


@dataclass
class Lag:
    """How late the loop of this process was, in seconds: at the most, and altogether.

    Altogether counts what is beyond CREDIT, which a line makes up for.
    """

    most_s: float = 0.0
    lost_s: float = 0.0


@asynccontextmanager
async def measured_lag() -> AsyncIterator[Lag]:
    """Measure while the context lasts."""
    lag = Lag()

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_S
            await asyncio.sleep(LOOK_S)
            late_s = loop.time() - due
            lag.most_s = max(lag.most_s, late_s)
            lag.lost_s += max(late_s - CREDIT, 0.0)

    watching = asyncio.create_task(watch())
    try:
        yield lag
    finally:
        watching.cancel()
