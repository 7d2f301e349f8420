"""Keeps the connections to PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import asyncpg

from gateway.store.errors import unavailable_when_away

# Every statement here finds few rows by their keys. A plan that was made while a table was empty
# would read the whole of it, and be kept while it grows: these forbid such plans. So would one that
# first gathers all that is due, where the first few by the order of an index are wanted.
SERVER_SETTINGS: Final = {
    "application_name": "gateway",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}


class _Connection(asyncpg.Connection):  # type: ignore[misc] # asyncpg ships no annotations
    def get_reset_query(self) -> str:
        """Spare a round trip a release: nothing here leaves state in a session."""
        return ""


class Database:
    """A pool of connections; whoever cannot get one is told StoreUnavailableError."""

    def __init__(self, pool: asyncpg.Pool, timeout_s: float) -> None:
        self._pool = pool
        self._timeout_s = timeout_s

    @classmethod
    async def open(cls, url: str, *, connections: int = 10, timeout_s: float = 5.0) -> Self:
        """Connect to `url`; StoreUnavailableError when nobody answers within `timeout_s`."""
        with unavailable_when_away():
            pool = await asyncpg.create_pool(
                url,
                min_size=2,
                max_size=connections,
                timeout=timeout_s,
                command_timeout=timeout_s,
                connection_class=_Connection,
                server_settings=SERVER_SETTINGS,
            )
        return cls(pool, timeout_s)

    async def ping(self) -> None:
        """Ask the database whether it is there; StoreUnavailableError when it is not."""
        async with self.connection() as connection:
            await connection.execute("select 1")

    async def close(self) -> None:
        """Close every connection, waiting for those in use."""
        await self._pool.close()

    def terminate(self) -> None:
        """Drop every connection at once."""
        self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Lend a connection; each statement on it is a transaction of its own."""
        with unavailable_when_away():
            # A timer is worth its cost only for who may have to wait.
            timeout_s = None if self._pool.get_idle_size() else self._timeout_s
            async with self._pool.acquire(timeout=timeout_s) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Lend a connection inside one transaction."""
        async with self.connection() as connection, connection.transaction():
            yield connection
