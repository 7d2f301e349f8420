"""The way to one host, against a server that speaks raw HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from gateway.cloud.wire import NeverLeftError, Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Twice: a\r\nX-Twice: b\r\n\r\nok"
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5)


class Server:
    """Answers every request with the bytes it is given, and keeps what it read."""

    def __init__(self, answer: bytes, *, hangs_up: bool) -> None:
        self.answer = answer
        self.hangs_up = hangs_up
        self.requests: list[bytes] = []
        self.connections = 0
        self.asked = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                self.requests.append(head + await reader.readexactly(length))
                self.asked.set()
                writer.write(self.answer)
                await writer.drain()
                if self.hangs_up:
                    break
        except asyncio.IncompleteReadError:
            pass  # the client has gone, as it may
        finally:
            writer.close()


@asynccontextmanager
async def serving(
    answer: bytes = OK, *, hangs_up: bool = False
) -> AsyncIterator[tuple[Server, str]]:
    server = Server(answer, hangs_up=hangs_up)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listener:
        yield server, f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[Wire]:
    async with aiohttp.ClientSession() as session:
        yield Wire(session, url, TIMEOUT)


async def test_a_post_leaves_with_its_headers_and_its_bytes() -> None:
    async with serving() as (server, url), wire_to(url) as wire:
        answer = await wire.post("/v25.0/1/messages?a=%20b", {"X-App": "caf\u00e9"}, b"{}\xff")
    host = url.removeprefix("http://").encode()
    assert server.requests == [
        b"POST /v25.0/1/messages?a=%20b HTTP/1.1\r\nHost: "
        + host
        + b"\r\nX-App: caf\xc3\xa9\r\nContent-Length: 3\r\n\r\n{}\xff"
    ]
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers.getall("x-twice") == ["a", "b"]


async def test_a_path_in_front_belongs_to_the_host() -> None:
    async with serving() as (server, url), wire_to(url + "/meta") as wire:
        await wire.post("/1/messages", {}, b"")
    assert server.requests[0].startswith(b"POST /meta/1/messages HTTP/1.1\r\n")


async def test_a_connection_serves_one_post_after_another() -> None:
    async with serving() as (server, url), wire_to(url) as wire:
        for _ in range(3):
            await wire.post("/1/messages", {}, b"{}")
    assert (len(server.requests), server.connections) == (3, 1)


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (
            b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
            400,
            b"no",
        ),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302, b""),
    ],
    ids=["interim", "no body", "chunked", "redirect"],
)
async def test_every_form_of_an_answer_is_read(answer: bytes, status: int, body: bytes) -> None:
    async with serving(answer) as (_, url), wire_to(url) as wire:
        read = await wire.post("/1/messages", {}, b"{}")
    assert (read.status, read.body) == (status, body)


async def test_an_answer_without_length_ends_with_the_connection() -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it"
    async with serving(answer, hangs_up=True) as (_, url), wire_to(url) as wire:
        assert (await wire.post("/1/messages", {}, b"{}")).body == b"all of it"


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"nonsense\r\n\r\n"],
    ids=["hangs up", "half an answer", "no http"],
)
async def test_a_broken_answer_may_have_been_a_yes(answer: bytes) -> None:
    async with serving(answer, hangs_up=True) as (server, url), wire_to(url) as wire:
        with pytest.raises(aiohttp.ClientError):
            await wire.post("/1/messages", {}, b"{}")
    assert len(server.requests) == 1


async def test_after_a_broken_answer_the_next_post_has_a_new_connection() -> None:
    async with serving(b"", hangs_up=True) as (server, url), wire_to(url) as wire:
        with pytest.raises(aiohttp.ClientError):
            await wire.post("/1/messages", {}, b"{}")
        server.answer, server.hangs_up = OK, False
        assert (await wire.post("/1/messages", {}, b"{}")).status == 200
    assert server.connections == 2


async def test_nobody_there_means_that_nothing_left() -> None:
    async with serving() as (_, url):
        pass
    async with wire_to(url) as wire:
        with pytest.raises(NeverLeftError):
            await wire.post("/1/messages", {}, b"{}")


async def test_who_is_cancelled_leaves_no_connection_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(b"") as (server, url), wire_to(url) as wire:
        task = asyncio.create_task(wire.post("/1/messages", {}, b"{}"))
        await server.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        monkeypatch.setattr(server, "answer", OK)
        assert (await wire.post("/1/messages", {}, b"{}")).body == b"ok"
    assert server.connections == 2


@pytest.mark.parametrize("value", ["a\r\nX-Evil: b", "a\nb", "a\rb", "a\0b"])
async def test_a_header_cannot_become_two(value: str) -> None:
    async with serving() as (server, url), wire_to(url) as wire:
        with pytest.raises(ValueError, match="line break"):
            await wire.post("/1/messages", {"X-App": value}, b"{}")
    assert server.requests == []
