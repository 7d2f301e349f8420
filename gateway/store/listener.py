"""Hears what other processes announce: that something about a pool has changed."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import asyncpg
import structlog

from gateway.store.database import SERVER_SETTINGS
from gateway.store.errors import StoreUnavailableError, unavailable_when_away

CHANNEL: Final = "gateway_pool"
"""A trigger on `pools` tells it the id of each pool whose epoch has moved."""
RETRY_S: Final = 2.0
LOOK_S: Final = 30.0
"""How often to make sure that somebody is still there on the other side."""


class Listener:
    """Keeps one connection of its own, and connects again by itself.

    `heard` is called with a pool's id, and with None whenever something may have been missed: who
    depends on it must do without while the database is away.
    """

    def __init__(self, url: str, heard: Callable[[str | None], None], timeout_s: float) -> None:
        self._url = url
        self._heard = heard
        self._timeout_s = timeout_s
        self._log = structlog.get_logger("gateway.store.listener")

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                with unavailable_when_away():
                    await self._listen()
            except StoreUnavailableError as error:
                self._log.warning("nothing is heard of changes for now", error=str(error))
            await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        """Listen until the connection ends."""
        connection = await asyncpg.connect(
            self._url,
            timeout=self._timeout_s,
            command_timeout=self._timeout_s,
            server_settings=SERVER_SETTINGS,
        )
        try:
            ended = asyncio.Event()
            connection.add_termination_listener(lambda _connection: ended.set())
            await connection.add_listener(CHANNEL, self._tell)
            self._heard(None)
            while not ended.is_set():
                try:
                    async with asyncio.timeout(LOOK_S):
                        await ended.wait()
                except TimeoutError:
                    await connection.execute("select 1")
        finally:
            connection.terminate()

    def _tell(self, _connection: Any, _process: int, _channel: str, pool_id: object) -> None:
        self._heard(str(pool_id))
