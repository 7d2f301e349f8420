"""An upstream that accepts everything at once, so that it is never what is measured."""

import asyncio
import sys
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


class Sink(asyncio.Protocol):
    """Reads whole requests off one connection and answers each with the same 200."""

    def __init__(self) -> None:
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
            self._buffer = self._buffer[whole:]
            self._transport.write(ANSWER)


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(LENGTH)
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def serve(port: int) -> None:
    """Listen until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve(int(sys.argv[1])))
