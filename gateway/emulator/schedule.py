"""Keeps what is to happen later, in order of the emulator's own time."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

Deed = Callable[[float], None]
_SLOWEST_LOOK_S = 5.0
_FASTEST_LOOK_S = 0.005


class Schedule:
    """Deeds with an hour; each is called with the hour it was planned for.

    While a deed is being done `hour` is its hour, else None: what happens in it happens then, no
    matter how late anybody looked at the clock. `between` is called before and after.
    """

    def __init__(self) -> None:
        self.hour: float | None = None
        self.between: Callable[[], None] = lambda: None
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
        if not self._heap or self._heap[0][0] > now or self.hour is not None:
            return done
        self.between()
        try:
            while self._heap and self._heap[0][0] <= now:
                self.hour, _, deed = heapq.heappop(self._heap)
                deed(self.hour)
                done += 1
        finally:
            self.hour = None
            self.between()
        return done

    def forget(self) -> None:
        """Drop everything that was planned."""
        self._heap.clear()
        self._changed.set()

    async def watch(
        self, now: Callable[[], float], speed: Callable[[], float] = lambda: 1.0
    ) -> None:
        """Do deeds as time passes, for ever; a jump of the clock is told by `run_due` instead.

        `speed` tells how many seconds of the clock one second lasts.
        """
        while True:
            self.run_due(now())
            self._changed.clear()
            wait = _SLOWEST_LOOK_S
            if self._heap and speed() > 0:
                wait = (self._heap[0][0] - now()) / speed()
            wait = min(max(wait, _FASTEST_LOOK_S), _SLOWEST_LOOK_S)
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue
