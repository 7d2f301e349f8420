"""Lends clients of Cloud APIs that answer as a test likes, or not at all."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.cloud.client import CloudClient, CloudSettings

BODY = b'{ "to" : "+34600000001" }'
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RawHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def client_at(url: str, answer_timeout_s: float = 20.0) -> AsyncIterator[CloudClient]:
    """Lend a client of the cloud at `url`."""
    client = CloudClient.open(CloudSettings(base_url=url, answer_timeout_s=answer_timeout_s))
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def cloud(handler: Handler, answer_timeout_s: float = 20.0) -> AsyncIterator[CloudClient]:
    """Lend a client of a server where `handler` answers everything."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with (
        TestServer(app) as server,
        client_at(str(server.make_url("")), answer_timeout_s) as c,
    ):
        yield c


@asynccontextmanager
async def raw_cloud(
    handler: RawHandler, answer_timeout_s: float = 20.0
) -> AsyncIterator[CloudClient]:
    """Lend a client of a server that need not speak HTTP properly."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(BODY)
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with client_at(f"http://127.0.0.1:{port}", answer_timeout_s) as client:
            yield client
    finally:
        server.close()
        await server.wait_closed()


def unused_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
