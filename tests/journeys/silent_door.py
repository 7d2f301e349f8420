"""Stands between a process and PostgreSQL, and can be shut: with a bang, or in silence."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

SOCKET = ".s.PGSQL.5432"


class SilentDoor:
    """Passes bytes on until it is shut; `url` leads through it."""

    def __init__(self, folder: Path, target: str) -> None:
        self._target = target
        self._folder = folder
        self._ends: set[asyncio.StreamWriter] = set()
        self._is_silent = False
        self._server: asyncio.Server
        self.url = f"postgresql://postgres@/postgres?host={folder}&port=5432"

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str) -> AsyncIterator[Self]:
        """Open a door to a server at a socket."""
        (folder,) = parse_qs(urlsplit(url).query)["host"]
        # The address of a socket has to be short, and a test's own folder is not.
        door = cls(Path(tempfile.mkdtemp(prefix="gw-")), f"{folder}/{SOCKET}")
        door._server = await asyncio.start_unix_server(door._pass, door._folder / SOCKET)
        try:
            yield door
        finally:
            door.shut()
            shutil.rmtree(door._folder)

    def shut(self, *, silently: bool = False) -> None:
        """Cut every connection and take no more; silently: keep them, and say nothing."""
        self._is_silent = silently
        if not silently:
            self._server.close()
            for end in self._ends:
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(self._target)
        self._ends |= {writer, there_writer}
        await asyncio.gather(
            self._pump(reader, there_writer),
            self._pump(there_reader, writer),
            return_exceptions=True,
        )

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if not self._is_silent:
                    writer.write(data)
                    await writer.drain()
        finally:
            writer.close()
            self._ends.discard(writer)
