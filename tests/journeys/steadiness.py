"""Tells whether this process was watching all the time, for tests that look at instants.

Whoever notes when something arrives must be awake to do so: what comes while the machine does
something else is noted late and all at once. A test may look again when that has happened, but it
may not pass without having looked.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, Self

LOOK_S: Final = 0.005
MOST_LAG_S: Final = 0.02


class Steadiness:
    """Measures how late this process's loop is while the context lasts."""

    def __init__(self) -> None:
        self.lag_s = 0.0
        self._watching: asyncio.Task[None] | None = None

    @classmethod
    async def attempts(cls, numbers: Sequence[str]) -> AsyncIterator[tuple[Self, str]]:
        """Yield an attempt with each number until one was steady; AssertionError when none was."""
        lags = []
        for number in numbers:
            attempt = cls()
            yield attempt, number
            if attempt.lag_s <= MOST_LAG_S:
                return
            lags.append(f"{attempt.lag_s:.3f}")
        raise AssertionError(f"this machine is too busy to look closely: lags of {lags} s")

    async def __aenter__(self) -> Self:
        """Start to watch."""
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Stop."""
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_S
            await asyncio.sleep(LOOK_S)
            self.lag_s = max(self.lag_s, loop.time() - due)
