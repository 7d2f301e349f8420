"""An upstream that accepts everything at once, so that it is never what is measured.

It tells who asks with GET how many messages have come, and the seconds from the first to the last;
DELETE has it begin anew.
"""

import asyncio
import sys
import time
from functools import partial
from typing import Final, cast

import uvloop

BODY: Final = (
    b'{"messaging_product":"whatsapp","contacts":[{"input":"+34600000001","wa_id":"34600000001"}],'
    b'"messages":[{"id":"wamid.HBgLMzQ2MDAwMDAwMDEVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA",'
    b'"message_status":"accepted"}]}'
)
ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
    b"x-fb-trace-id: AbCdEfGhIjKlMnOp123\r\n"
    b"Content-Length: " + str(len(BODY)).encode() + b"\r\n\r\n" + BODY
)
END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length:"


class Tally:
    """Counts what comes on all connections."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what has come."""
        self._messages = 0
        self._first_at = self._last_at = 0.0

    def note(self) -> None:
        """Count one message."""
        self._last_at = time.perf_counter()
        if not self._messages:
            self._first_at = self._last_at
        self._messages += 1

    def told(self) -> bytes:
        """Return an answer that tells what has come."""
        seconds = self._last_at - self._first_at
        body = b'{"messages":%d,"seconds":%.6f}' % (self._messages, seconds)
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Sink(asyncio.Protocol):
    """Reads whole requests off one connection and answers each POST with the same 200."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._buffer = b""
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._buffer += data
        while (head := self._buffer.find(END)) >= 0:
            whole = head + len(END) + _length(self._buffer[:head])
            if len(self._buffer) < whole:
                return
            self._transport.write(self._answer(self._buffer))
            self._buffer = self._buffer[whole:]

    def _answer(self, request: bytes) -> bytes:
        if request.startswith(b"POST "):
            self._tally.note()
            return ANSWER
        if request.startswith(b"DELETE "):
            self._tally.begin_anew()
        return self._tally.told()


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(LENGTH)
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def serve(port: int) -> None:
    """Listen until the process is ended."""
    make = partial(Sink, Tally())
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve(int(sys.argv[1])))
