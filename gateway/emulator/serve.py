"""Runs an emulator on a host and a port until it is cancelled."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from gateway.emulator.emulator import Emulator
from gateway.emulator.graph.raw_path import RawPath


@asynccontextmanager
async def running(emulator: Emulator, host: str, port: int) -> AsyncIterator[str]:
    """Listen while the context lasts; yields the base URL. Port 0 takes a free one."""
    runner = web.AppRunner(emulator.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    server = runner.server
    if server is None:
        raise RuntimeError("the runner has no server after its set-up")
    try:
        listener = await asyncio.get_running_loop().create_server(
            lambda: RawPath(emulator.state, server), host, port, backlog=1024
        )
        try:
            yield f"http://{host}:{listener.sockets[0].getsockname()[1]}"
        finally:
            listener.close()
    finally:
        await runner.cleanup()


async def serve(
    emulator: Emulator, *, host: str, port: int, on_ready: Callable[[str], None] | None = None
) -> None:
    """Listen until cancelled; `on_ready` gets the base URL once connections are accepted."""
    async with running(emulator, host, port) as url:
        if on_ready is not None:
            on_ready(url)
        await asyncio.Event().wait()
