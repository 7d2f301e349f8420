"""Keeps what is to happen later, in order of the emulator's own time."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

Deed = Callable[[float], None]
_SLOWEST_LOOK_S = 5.0
_FASTEST_LOOK_S = 0.005


class Schedule:
    """Deeds with an hour; each is called with the hour it was planned for."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Deed]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()

    def at(self, due: float, deed: Deed) -> None:
        """Plan a deed."""
        heapq.heappush(self._heap, (due, next(self._order), deed))
        self._changed.set()

    def run_due(self, now: float) -> int:
        """Do everything that has become due, oldest first; returns how much it was."""
        done = 0
        while self._heap and self._heap[0][0] <= now:
            due, _, deed = heapq.heappop(self._heap)
            deed(due)
            done += 1
        return done

    async def watch(self, now: Callable[[], float]) -> None:
        """Do deeds as time passes, for ever; a jump of the clock is told by `run_due` instead."""
        while True:
            self.run_due(now())
            self._changed.clear()
            wait = self._heap[0][0] - now() if self._heap else _SLOWEST_LOOK_S
            wait = min(max(wait, _FASTEST_LOOK_S), _SLOWEST_LOOK_S)
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue
