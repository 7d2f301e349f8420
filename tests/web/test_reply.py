import asyncio
from collections.abc import AsyncIterator, Callable
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from multidict import CIMultiDict

from gateway.web.reply import Reply
from tests.web.wire import PATIENCE_S, exchange, read, request_bytes
from tests.world import HOST

ASK = request_bytes("POST", "/", b"")
OLD = b"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n"
LAST = request_bytes("POST", "/", b"", "Connection: close")
BODY = b'{"messages": []}'


def reply(status: int = 200, body: bytes = BODY, **headers: str) -> Reply:
    return Reply(status, CIMultiDict(headers), body)


class Door:
    """A listener that answers with what `make` makes."""

    def __init__(self) -> None:
        self.make: Callable[[], Reply] = reply
        self.url = ""

    async def handle(self, _request: web.BaseRequest) -> web.StreamResponse:
        return self.make()


async def said(door: Door, data: bytes) -> bytes:
    """Return all that is said until the door closes the connection."""
    address = urlsplit(door.url)
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(data)
        everything = await reader.read()
        writer.close()
        return everything


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    door = Door()
    runner = web.ServerRunner(web.Server(door.handle), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    door.url = f"http://{HOST}:{runner.addresses[0][1]}"
    yield door
    await runner.cleanup()


async def test_it_is_written_as_it_is_with_its_length_and_the_hour(door: Door) -> None:
    door.make = lambda: reply(207, X_Odd="ä", Content_Type="text/odd")
    answer = read(await exchange(door.url, ASK))
    assert (answer.status, answer.body) == (207, BODY)
    assert set(answer.headers) == {"X_Odd", "Content_Type", "Content-Length", "Date"}
    assert answer.headers["Content-Length"] == str(len(BODY))
    assert parsedate_to_datetime(answer.headers["Date"]).tzinfo is not None


async def test_an_hour_that_is_there_stays(door: Door) -> None:
    hour = "Wed, 25 Nov 2026 19:00:00 GMT"
    door.make = lambda: reply(Date=hour)
    assert read(await exchange(door.url, ASK)).headers["Date"] == hour


async def test_two_requests_in_one_go_are_answered_on_one_connection(door: Door) -> None:
    answers = await said(door, ASK + LAST)
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == answers.count(BODY) == 2
    assert answers.count(b"Connection: close\r\n") == 1


async def test_a_caller_that_speaks_http_1_0_is_answered_and_let_go(door: Door) -> None:
    answer = await said(door, OLD)
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert answer.endswith(BODY)


async def test_a_caller_that_speaks_http_1_0_may_ask_to_stay(door: Door) -> None:
    stays = OLD.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")
    answers = await said(door, stays + OLD)
    assert answers.count(b"Connection: keep-alive") == 1
    assert answers.count(BODY) == 2


@pytest.mark.parametrize("status", [204, 304])
async def test_after_a_status_that_says_so_nothing_follows(door: Door, status: int) -> None:
    door.make = lambda: reply(status)
    answers = await said(door, ASK + LAST)
    assert answers.count(f"HTTP/1.1 {status} ".encode()) == 2
    assert BODY not in answers


async def test_who_asked_for_the_end_of_the_connection_gets_it(door: Door) -> None:
    def closing() -> Reply:
        made = reply()
        made.force_close()
        return made

    door.make = closing
    answers = await said(door, ASK + ASK)
    assert answers.count(BODY) == answers.count(b"Connection: close\r\n") == 1


async def test_an_empty_body_has_its_length_too(door: Door) -> None:
    door.make = lambda: reply(400, b"")
    assert read(await exchange(door.url, ASK)).headers["Content-Length"] == "0"


async def test_a_header_that_holds_a_line_break_is_not_written(door: Door) -> None:
    door.make = lambda: reply(X_Split="a\r\nSet-Cookie: b")
    assert b"Set-Cookie" not in await said(door, LAST)
