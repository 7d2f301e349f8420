"""Gives each number a line whose end is paced, so that no second holds more than its throughput.

A caller waits in the line for a place at the desk, is decided on there, and is paced once more
just before the wire. Only so many are let to the desk at once as the wire can take within a
quarter of a second: what was decided leaves while the decision is fresh, and what was refused
has used up none of the allowance.
"""

import asyncio
import math
from typing import Final

from aiolimiter import AsyncLimiter

FRESH_S: Final = 0.25
LEAST_PLACES: Final = 4


class CongestedError(Exception):
    """The line is longer than the caller may wait; `retry_after_s` says how long it is."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"the line is {retry_after_s:.1f} s long")
        self.retry_after_s = retry_after_s


class Line:
    """The line of one number, `throughput` messages a second at the most.

    Source: THR (11 Sep 2026), R§5.1. A bucket that holds `burst` and refills at `rate` lets through
    at most `burst + rate` in any sliding second, so the two together stay below the throughput: at
    80 a second it is 2 + 76, the rest is for the jitter of the network.
    """

    def __init__(self, throughput: int) -> None:
        self.throughput = throughput
        burst = max(1, throughput * 3 // 100)
        self.rate = max(min(throughput * 0.95, throughput - burst - 1), throughput * 0.5)
        self._wire = AsyncLimiter(burst, burst / self.rate)
        self._places = asyncio.Semaphore(max(LEAST_PLACES, math.ceil(self.rate * FRESH_S)))
        self._inside = 0

    @property
    def wait_s(self) -> float:
        """Seconds somebody who joins now is going to wait."""
        return self._inside / self.rate

    async def enter(self, most_wait_s: float) -> None:
        """Take a place at the desk, to be given back with `leave`.

        CongestedError if that would take, or took, longer than `most_wait_s`.
        """
        if self.wait_s > most_wait_s:
            raise CongestedError(self.wait_s)
        self._inside += 1
        try:
            if self._places.locked():
                await self._wait(most_wait_s)
            else:
                await self._places.acquire()
        except BaseException:
            self._inside -= 1
            raise

    def leave(self) -> None:
        """Give the place back: to be called exactly once after `enter`."""
        self._places.release()
        self._inside -= 1

    async def turn(self) -> None:
        """Wait until the wire may take one more message."""
        await self._wire.acquire()

    async def _wait(self, most_wait_s: float) -> None:
        try:
            async with asyncio.timeout(most_wait_s):
                await self._places.acquire()
        except TimeoutError:
            raise CongestedError(max(self.wait_s, 1.0)) from None


class Pacing:
    """Keeps one line a number.

    `share` is the part of each number's throughput that belongs to this process: with n
    processes serving the same numbers, 1/n.
    """

    def __init__(self, share: float = 1.0) -> None:
        self._share = share
        self._lines: dict[str, Line] = {}

    def line(self, phone_number_id: str, throughput: int) -> Line:
        """Return the number's line; a changed throughput starts a new one."""
        own = max(1, int(throughput * self._share))
        line = self._lines.get(phone_number_id)
        if line is None or line.throughput != own:
            line = self._lines[phone_number_id] = Line(own)
        return line
