"""Remembers how far a sandbox's clock has been moved, for restarts and for other processes."""

from typing import Final

from gateway.clock import SandboxClock
from gateway.store.database import Database
from gateway.store.queries import beside

SQL = beside(__file__)
RESOLUTION_S: Final = 0.001


async def advance(database: Database, clock: SandboxClock, seconds: float = 0.0) -> None:
    """Move the clock ahead for good; with 0 seconds merely follow whoever is further ahead."""
    async with database.connection() as connection:
        offset_s = await connection.fetchval(SQL["advance"], clock.offset_s, seconds)
    if offset_s - clock.offset_s > RESOLUTION_S:
        clock.advance(offset_s - clock.offset_s)
