"""The answer to a message: a short body that is there, written in one go.

aiohttp looks at each answer for cookies, compression, chunks and ranges, which costs as much as
deciding on a message. None of that is an answer to a message's business; the writer, which guards
against headers that hold a line break, remains aiohttp's.
"""

from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from gateway.clock import http_date

WITHOUT_BODY: Final = frozenset({204, 304})
"""Statuses after which nothing may follow. Source: RFC 9110, section 6.4.1 (June 2022)."""


class Reply(web.Response):
    """An answer for a POST."""

    def __init__(self, status: int, headers: CIMultiDict[str], body: bytes) -> None:
        super().__init__(status=status, headers=headers, body=body)
        self._content = body
        self._is_kept_alive: bool | None = None
        """None until it is written by itself."""

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection stays open after it."""
        return super().keep_alive if self._is_kept_alive is None else self._is_kept_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write it to whom has asked; ConnectionError when they have gone."""
        is_plain = request.version == HttpVersion11 and self.status not in WITHOUT_BODY
        if not is_plain or super().keep_alive is not None:
            return await super().prepare(request)
        headers, writer = self.headers, request.writer
        self._is_kept_alive = request.keep_alive
        if not self._is_kept_alive:
            headers["Connection"] = "close"
        headers["Content-Length"] = str(len(self._content))
        if "Date" not in headers:
            headers["Date"] = http_date()
        await writer.write_headers(f"HTTP/1.1 {self.status} {self.reason}", headers)
        await writer.write_eof(self._content)
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """End it; what has been written by itself has its end."""
        if self._is_kept_alive is None:
            await super().write_eof(data)
