"""Measures how late this process notices things, for tests that look at instants.

Whoever notes when something arrives must be awake to do so: what comes while the machine does
something else is noted late, and all at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

LOOK_S: Final = 0.005


@dataclass
class Lag:
    """The longest that the loop of this process was late, in seconds."""

    most_s: float = 0.0


@asynccontextmanager
async def measured_lag() -> AsyncIterator[Lag]:
    """Measure while the context lasts."""
    lag = Lag()

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_S
            await asyncio.sleep(LOOK_S)
            lag.most_s = max(lag.most_s, loop.time() - due)

    watching = asyncio.create_task(watch())
    try:
        yield lag
    finally:
        watching.cancel()
