"""Posts small bodies over a session's own connections, without the session's ceremony.

Redirects, cookies, authentication, decompression and streaming are none of a send's business, and
preparing for them costs an aiohttp session more than all the rest of a message. Connections, TLS,
the pool and the parser remain aiohttp's: what is left out is the making of its request and
response objects. It leans on `BaseConnector.connect` and `ResponseHandler`, which every request of
aiohttp goes through; the lock file pins the version, and `tests/cloud` would notice a change.
"""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from gateway.cloud.outcome import Answer

INTERIM: Final = range(100, 200)
OWN_LINES: Final = 4  # request line, host, length, and the empty one


class NeverLeftError(Exception):
    """No connection could be had, so nothing was sent; the message names the cause."""


class Wire:
    """The way to one host; `base_url` without a trailing slash."""

    def __init__(
        self, session: aiohttp.ClientSession, base_url: str, timeout: aiohttp.ClientTimeout
    ) -> None:
        if session.connector is None:
            raise RuntimeError("the session is closed")
        url = URL(base_url, encoded=True)
        self._connector = session.connector
        self._timeout = timeout
        # Tells the connector where to; it is never sent itself.
        self._to = aiohttp.ClientRequest(
            "POST", url, loop=asyncio.get_running_loop(), session=session
        )
        host = self._to.headers["Host"]
        prefix = url.raw_path.rstrip("/")
        self._start = lru_cache(maxsize=4096)(
            lambda path: f"POST {prefix}{path} HTTP/1.1\r\nHost: {host}\r\n"
        )

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer to one POST; `path` as it stands in a request line.

        Raises NeverLeftError when nothing was sent; afterwards aiohttp.ClientError or OSError, when
        the request may have arrived. A caller that is cancelled closes the connection.
        """
        request = self._request(path, headers, body)
        try:
            connection = await self._connector.connect(self._to, [], self._timeout)
        except (aiohttp.ClientError, OSError) as error:
            raise NeverLeftError(type(error).__name__) from error
        try:
            answer = await _exchange(connection.protocol, request)
        except BaseException:
            connection.close()
            raise
        connection.release()
        return answer

    def _request(self, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"{self._start(path)}{lines}Content-Length: {len(body)}\r\n\r\n"
        # A break inside a header would make it two.
        ends = len(headers) + OWN_LINES
        if head.count("\n") != ends or head.count("\r") != ends or "\0" in head:
            raise ValueError("a header holds a line break")
        return head.encode("utf-8", "surrogateescape") + body


async def _exchange(protocol: ResponseHandler | None, request: bytes) -> Answer:
    if protocol is None or protocol.transport is None:
        raise aiohttp.ServerDisconnectedError
    protocol.set_response_params(read_until_eof=True, auto_decompress=False)
    protocol.transport.write(request)
    while True:
        try:
            message, payload = await protocol.read()
        except aiohttp.http.HttpProcessingError as error:
            raise aiohttp.ClientPayloadError(error.message) from error
        if message.code not in INTERIM:
            body = payload.read_nowait() if payload.is_eof() else await payload.read()
            return Answer(message.code, message.headers, body)
