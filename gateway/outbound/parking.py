"""Parks messages that were not decided on: because the line is too long, or because it is too soon.

Whoever comes while some are being written joins the next write: a crowd costs few round trips.
"""

import asyncio
from typing import Final, NamedTuple

from gateway.store import outbox
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.store.outbox import ParkedRow

LARGEST_WRITE: Final = 500


class _Waiting(NamedTuple):
    row: ParkedRow
    written: asyncio.Future[None]


class Parking:
    """Takes messages for the outbox; they are durable when `park` returns."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None

    async def park(self, row: ParkedRow) -> None:
        """Write a message to journal and outbox.

        StoreUnavailableError when the database is away: nothing is parked then, or it is in doubt.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(row, loop.create_future())
        self._waiting.append(waiting)
        if self._worker is None:
            self._worker = loop.create_task(self._work())
        await waiting.written

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:LARGEST_WRITE]
                del self._waiting[:LARGEST_WRITE]
                await self._write(batch)
        finally:
            self._worker = None

    async def _write(self, batch: list[_Waiting]) -> None:
        try:
            async with self._database.connection() as connection:
                await outbox.park(connection, [waiting.row for waiting in batch])
        except Exception as error:  # noqa: BLE001 - each caller is told, none waits for ever
            if isinstance(error, StoreUnavailableError) or len(batch) == 1:
                _fail(batch, error)
                return
            # One message that cannot be written must not take its neighbours along.
            for waiting in batch:
                await self._write([waiting])
            return
        for waiting in batch:
            if not waiting.written.done():
                waiting.written.set_result(None)


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.written.done():
            waiting.written.set_exception(error)
            waiting.written.exception()  # a caller who has left does not fetch it
