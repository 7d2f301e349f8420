import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from benchmarks.harness import Load
from benchmarks.sockets import load_by_sockets

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def upstream(answer: Answer, heard: list[str]) -> AsyncIterator[Load]:
    """Note every request and answer it; gives what to load it with."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.partition("Content-Length: ")[2].split()[0])
                heard.append(head.split()[1] + (await reader.readexactly(length)).decode())
                await answer(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield Load(f"http://127.0.0.1:{port}", ["/a", "/b"], {"X-App": "bench"}, '{"to": "+%s"}')
    server.close()


async def test_every_request_has_a_recipient_of_its_own_and_the_paths_take_turns() -> None:
    async def in_two_parts(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nyes")
        await writer.drain()
        writer.write(b"!")

    heard: list[str] = []
    async with upstream(in_two_parts, heard) as load:
        figures = await load_by_sockets(load, 2, 0.2)
    assert figures.failed == 0
    assert figures.per_second == len(heard) / 0.2
    assert 0 < figures.median_ms <= figures.p99_ms
    assert len(set(heard)) == len(heard) > 2
    assert [each[:10] for each in heard[:4]] == ['/a{"to": "', '/b{"to": "'] * 2
    assert {len(each) for each in heard} == {len('/a{"to": "+346000000000000"}')}


async def test_a_refusal_is_counted_as_failed() -> None:
    async def refuse(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    heard: list[str] = []
    async with upstream(refuse, heard) as load:
        figures = await load_by_sockets(load, 2, 0.1)
    assert figures.failed == len(heard) > 2


async def test_a_broken_connection_is_counted_as_failed() -> None:
    async def break_off_at_the_ninth(writer: asyncio.StreamWriter) -> None:
        if len(heard) == 9:
            writer.transport.abort()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    heard: list[str] = []
    async with upstream(break_off_at_the_ninth, heard) as load:
        figures = await load_by_sockets(load, 2, 0.1)
    assert figures.failed == 1
