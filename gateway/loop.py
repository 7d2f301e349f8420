"""Runs background work: a loop that only loops, around one bounded sweep that may fail."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog


class Loop:
    """Calls `sweep` every `interval_s` seconds, and at once when woken.

    A sweep that raises is logged and tried again an interval later: background work outlives a
    database that goes away.
    """

    def __init__(
        self, name: str, sweep: Callable[[], Awaitable[object]], interval_s: float
    ) -> None:
        self.name = name
        self._sweep = sweep
        self._interval_s = interval_s
        self._wanted = asyncio.Event()
        self._log = structlog.get_logger("gateway.loop")

    def wake(self) -> None:
        """Have the next sweep start now, or right after the present one."""
        self._wanted.set()

    async def run(self) -> None:
        """Loop until cancelled."""
        while True:
            self._wanted.clear()
            try:
                await self._sweep()
            except Exception as error:  # noqa: BLE001 - one bad sweep must not end the loop
                self._log.warning(
                    "sweep failed", loop=self.name, error=f"{type(error).__name__}: {error}"
                )
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval_s):
                    await self._wanted.wait()
