"""Gives tests a PostgreSQL of their own, to be stopped and started again at the same address."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.cli.embedded_postgres import EmbeddedPostgres
from gateway.store.migrate import migrate
from tests.postgres import SETTINGS


class Server:
    """A server that can go away and come back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._door = folder / "door"
        self._running: EmbeddedPostgres | None = None
        self.url = f"postgresql://postgres@/postgres?host={self._door}&port=5432"

    async def start(self) -> None:
        """Start on the same folder as before."""
        self._running = await asyncio.to_thread(
            EmbeddedPostgres.start, self._folder / "data", settings=SETTINGS
        )
        self._door.unlink(missing_ok=True)
        self._door.symlink_to(self._running.url.partition("host=")[2].partition("&")[0])

    async def stop(self) -> None:
        """Stop, as a server does that goes down in good order."""
        if self._running is not None:
            await asyncio.to_thread(self._running.stop)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Return a running server with all migrations applied."""
    # The address of a socket has to be short, and a test's own folder is not.
    folder = Path(tempfile.mkdtemp(prefix="gw-"))
    folder.chmod(0o755)  # noqa: ASYNC240 - in memory, at once
    running = Server(folder)
    try:
        await running.start()
        await migrate(running.url)
        yield running
    finally:
        await running.stop()
        shutil.rmtree(folder)
