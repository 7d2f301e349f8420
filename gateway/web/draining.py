"""Takes the data listener out of service in good order, and lets no last step pass the bound."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

import structlog
from aiohttp import web

GIVE_UP: Final = 0.8
"""The part of the bound for which Meta is waited for: what has left by then is in doubt."""
CUT: Final = 0.9
"""The part after which requests are cut off; what remains is for writing everything down."""


class Drain:
    """The way down: `run` closes the doors, `bounded` takes each of the steps that follow.

    All of it takes no more than `most_s` seconds. For the first `grace_s` of them everything is
    still served while `has_begun` is shown, so that balancers look elsewhere and clients learn from
    the answers that their connections close.
    """

    def __init__(self, most_s: float, grace_s: float) -> None:
        self._most_s = most_s
        self._grace_s = grace_s
        self._end_at: float | None = None
        self._busy = 0
        self._idle = asyncio.Event()
        self._log = structlog.get_logger("gateway.web.draining")
        self.has_begun = False
        self.is_complete = True
        """Whether nothing had to be cut off so far."""
        self.on_drain: list[Callable[[], object]] = []
        """Called when the doors have closed: whoever waits for its turn is to wait no longer."""

    def enter(self) -> None:
        """Begin work that is to be waited for; `leave` it in the end."""
        self._busy += 1

    def leave(self) -> None:
        """End what was begun with `enter`."""
        self._busy -= 1
        if not self._busy:
            self._idle.set()

    async def run(self, runner: web.BaseRunner, give_up: Callable[[], Awaitable[None]]) -> None:
        """Close the listener; returns when every request is answered, or cut off.

        `give_up` ends the calls to Meta that are still on their way.
        """
        began = asyncio.get_running_loop().time()
        self._end_at = began + self._most_s
        self.has_begun = True
        self._log.info("draining", requests=self._busy)
        await asyncio.sleep(min(self._grace_s, self._most_s * GIVE_UP))
        await _close_door(runner)
        for tell in self.on_drain:
            tell()
        if not await self._is_idle_by(began + self._most_s * GIVE_UP):
            self._log.warning("Meta is waited for no longer", requests=self._busy)
            await give_up()
            if not await self._is_idle_by(began + self._most_s * CUT):
                self._fall_short("requests are cut off", requests=self._busy)
        await self.bounded("connections", runner.cleanup)

    async def bounded(self, name: str, step: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Take a last step, but not beyond the bound, which begins to count with `run`."""
        task = asyncio.ensure_future(step())
        now = asyncio.get_running_loop().time()
        left_s = None if self._end_at is None else max(self._end_at - now, 0.0)
        done, _ = await asyncio.wait((task,), timeout=left_s)
        if done:
            task.result()
        else:
            # What ignores this, too, is no longer waited for.
            task.cancel()
            self._fall_short("no time is left", step=name)

    async def _is_idle_by(self, at: float) -> bool:
        if self._busy:
            self._idle.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(at):
                    await self._idle.wait()
        return not self._busy

    def _fall_short(self, event: str, **details: object) -> None:
        self.is_complete = False
        self._log.warning(event, **details)


async def _close_door(runner: web.BaseRunner) -> None:
    """Take no more connections, close those that are idle, and the others after their answer."""
    for site in runner.sites:
        await site.stop()
    await asyncio.sleep(0)  # what has arrived until now is handled
    if runner.server is not None:
        runner.server.pre_shutdown()
