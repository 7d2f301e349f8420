"""Speaks to a listener without a client in between, and plays a Cloud API that does as it is told.

What a well-behaved client would never send needs a bare socket; what Meta would rarely answer
needs a server of our own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web

from tests.world import HOST, Answer

PATIENCE_S = 10.0
Script = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


def request_bytes(
    method: str, target: str, body: bytes | None = None, *headers: str, key: str | None = None
) -> bytes:
    """Write a request; the length of `body` is told unless it is None."""
    lines = [f"{method} {target} HTTP/1.1", "Host: gateway", *headers]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


async def exchange(url: str, data: bytes, *, hang_up: bool = False) -> bytes:
    """Send bytes, and return all that comes until the other side closes or has answered once.

    With `hang_up` the sending side is closed first, as by a client that dies in the middle.
    """
    address = urlsplit(url)
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(data)
            if hang_up:
                writer.write_eof()
                return await reader.read()
            return await _one_answer(reader)
        finally:
            writer.close()


async def _one_answer(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as ended:
        return ended.partial
    length = [
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    return head + (await reader.readexactly(length[0]) if length else await reader.read())


def read(answer: bytes) -> Answer:
    """Take an answer apart."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]), headers, body)


class FakeCloud:
    """A Cloud API that answers as `script` does, and remembers every request with its body."""

    def __init__(self) -> None:
        self.requests: list[tuple[web.Request, bytes]] = []
        self.script: Script = accept
        self.url = ""
        self._runner: web.AppRunner

    async def start(self) -> Self:
        """Listen; `stop` it in the end."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=1, auto_decompress=False
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        self.url = f"http://{HOST}:{self._runner.addresses[0][1]}"
        return self

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    def of(self, method: str, path: str) -> list[tuple[web.Request, bytes]]:
        """Return the requests for a path; the gateway's own poller asks for others."""
        return [seen for seen in self.requests if (seen[0].method, seen[0].path) == (method, path)]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.read()
        except (ConnectionError, web.RequestPayloadError):
            return web.Response(status=400)
        self.requests.append((request, body))
        return await self.script(request, body)


async def accept(_request: web.Request, _body: bytes) -> web.StreamResponse:
    """Answer as Meta does to a message it takes."""
    return web.json_response({"messages": [{"id": "wamid.made-up"}]})


def assert_in_metas_shape(answer: Answer) -> dict[str, Any]:
    """Check what every SDK relies on, and return the error."""
    error: dict[str, Any] = answer.json["error"]
    assert isinstance(error["message"], str), answer
    assert isinstance(error["code"], int), answer
    assert isinstance(error["type"], str), answer
    assert isinstance(error["error_data"]["details"], str), answer
    assert isinstance(error["fbtrace_id"], str), answer
    assert answer.headers["Content-Type"].startswith("application/json"), answer
    return error
