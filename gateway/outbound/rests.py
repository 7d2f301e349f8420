"""Lets messages wait for an hour of their own, outside the line; who closes it wakes them all."""

import asyncio
from contextlib import suppress

from gateway.outbound.audience import AbandonedError, Audience


class LeavingError(Exception):
    """This process is going away; nothing has left."""

    def __init__(self) -> None:
        super().__init__("this process is going away")


class Rests:
    """Everybody who waits for an hour of their own."""

    def __init__(self) -> None:
        self._ends: set[asyncio.Future[None]] = set()
        self._is_closed = False

    async def rest(self, seconds: float, audience: Audience) -> None:
        """Wait; AbandonedError when nobody waits for the answer any more, LeavingError on `close`.

        Either is raised at once; so it is where there is nothing to wait for.
        """
        if self._is_closed:
            raise LeavingError
        if audience.is_gone:
            raise AbandonedError
        if seconds <= 0:
            return
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ends.add(end)
        forget = audience.when_gone(lambda: _wake(end, AbandonedError()))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await end
        finally:
            forget()
            self._ends.discard(end)

    def close(self) -> None:
        """Tell everybody who rests, and who comes from now on."""
        self._is_closed = True
        for end in self._ends:
            _wake(end, LeavingError())


def _wake(end: asyncio.Future[None], error: Exception) -> None:
    if not end.done():
        end.set_exception(error)
