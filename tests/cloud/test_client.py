import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.cloud.client import MOST_PAGES, CloudError
from gateway.cloud.outcome import Accepted, InDoubt, Refused
from tests.cloud.clouds import BODY, Handler, client_at, cloud, raw_cloud, unused_port

PATH = "/v25.0/200000000000001/messages"
HEADERS = {"Authorization": "Bearer EAAmade-up", "Content-Type": "application/json"}
TAKEN = b'{"messages":[{"id":"wamid.made-up"}]}'


# --- send


async def test_a_message_goes_up_byte_for_byte_with_the_headers_given_and_no_others() -> None:
    seen: list[tuple[str, str, dict[str, str], bytes]] = []

    async def accept(request: web.Request) -> web.Response:
        names = {name.lower(): value for name, value in request.headers.items()}
        seen.append((request.method, request.raw_path, names, await request.read()))
        return web.Response(body=TAKEN, headers={"X-Meta": "yes"})

    async with cloud(accept) as client:
        outcome = await client.send(PATH + "?a=%2F", BODY, HEADERS)
    assert isinstance(outcome, Accepted)
    assert outcome.wamid == "wamid.made-up"
    assert (outcome.answer.status, outcome.answer.body) == (200, TAKEN)
    assert outcome.answer.headers["x-meta"] == "yes"
    ((method, path, headers, body),) = seen
    assert (method, path, body) == ("POST", PATH + "?a=%2F", BODY)
    own = {"host", "content-length"}
    assert {name: headers[name] for name in headers.keys() - own} == {
        "authorization": "Bearer EAAmade-up",
        "content-type": "application/json",
    }


async def test_a_refusal_is_read() -> None:
    refusal = {"error": {"message": "(#131026) No.", "code": 131026}}

    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response(refusal, status=400)

    async with cloud(refuse) as client:
        outcome = await client.send(PATH, BODY, HEADERS)
    assert isinstance(outcome, Refused)
    assert outcome.error is not None
    assert outcome.error.code == 131026
    assert outcome.answer is not None
    assert json.loads(outcome.answer.body) == refusal


async def test_a_5xx_without_a_verdict_is_in_doubt() -> None:
    async def fail(_request: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>Bad gateway</html>")

    async with cloud(fail) as client:
        outcome = await client.send(PATH, BODY, HEADERS)
    assert isinstance(outcome, InDoubt)
    assert outcome.answer is not None
    assert (outcome.answer.status, outcome.timed_out) == (502, False)


async def test_a_redirect_is_not_followed() -> None:
    paths: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with cloud(redirect) as client:
        outcome = await client.send(PATH, BODY, HEADERS)
    assert isinstance(outcome, Refused)
    assert paths == [PATH]


async def test_a_cloud_that_cannot_be_reached_has_sent_nothing() -> None:
    async with client_at(f"http://127.0.0.1:{unused_port()}") as client:
        outcome = await client.send(PATH, BODY, HEADERS)
    assert isinstance(outcome, Refused)
    assert outcome.answer is None
    assert "cannot be reached" in outcome.reason


async def test_a_name_that_nobody_has_has_sent_nothing() -> None:
    async with client_at("http://cloud.invalid") as client:
        outcome = await client.send(PATH, BODY, HEADERS)
    assert isinstance(outcome, Refused)
    assert outcome.answer is None


async def test_no_answer_in_time_is_in_doubt() -> None:
    hold = asyncio.Event()

    async def never(_request: web.Request) -> web.Response:
        await hold.wait()
        return web.Response(body=TAKEN)

    async with cloud(never, answer_timeout_s=0.3) as client:
        outcome = await client.send(PATH, BODY, HEADERS)
        hold.set()
    assert isinstance(outcome, InDoubt)
    assert outcome.timed_out
    assert outcome.reason == "no answer within 0.3 s"


async def test_what_is_on_its_way_when_it_is_closed_is_in_doubt_and_nothing_leaves_later() -> None:
    arrived, hold = asyncio.Event(), asyncio.Event()

    async def never(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await hold.wait()

    async with raw_cloud(never) as client:
        sending = asyncio.create_task(client.send(PATH, BODY, HEADERS))
        await arrived.wait()
        await client.close()
        outcome = await asyncio.wait_for(sending, 5)
        late = await client.send(PATH, BODY, HEADERS)
        hold.set()
    assert outcome == InDoubt(None, "the gateway was stopped before Meta had answered")
    assert isinstance(late, Refused)
    assert late.answer is None


async def test_a_connection_that_is_reset_after_the_request_is_in_doubt() -> None:
    async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with raw_cloud(reset) as client:
        outcome = await client.send(PATH, BODY, HEADERS)
    assert isinstance(outcome, InDoubt)
    assert not outcome.timed_out
    assert "the connection broke" in outcome.reason


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + TAKEN,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\n{",
        b"not HTTP at all\r\n\r\n",
    ],
    ids=["nothing", "half a header", "half a body", "half a chunk", "half a refusal", "garbage"],
)
async def test_half_an_answer_is_in_doubt(answer: bytes) -> None:
    async def half(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    async with raw_cloud(half) as client:
        outcome = await client.send(PATH, BODY, HEADERS)
    assert isinstance(outcome, InDoubt)


async def test_a_body_that_stops_coming_is_in_doubt() -> None:
    hold = asyncio.Event()

    async def stall(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        await hold.wait()

    async with raw_cloud(stall, answer_timeout_s=0.3) as client:
        outcome = await client.send(PATH, BODY, HEADERS)
        hold.set()
    assert isinstance(outcome, InDoubt)
    assert outcome.timed_out


async def test_after_trouble_the_next_message_goes_through() -> None:
    answers = iter([b"", TAKEN])

    async def once_bad(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if body := next(answers):
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()

    async with raw_cloud(once_bad) as client:
        assert isinstance(await client.send(PATH, BODY, HEADERS), InDoubt)
        assert isinstance(await client.send(PATH, BODY, HEADERS), Accepted)


async def test_a_caller_who_goes_away_is_not_kept() -> None:
    arrived, hold = asyncio.Event(), asyncio.Event()

    async def never(_request: web.Request) -> web.Response:
        arrived.set()
        await hold.wait()
        return web.Response()

    async with cloud(never) as client:
        sending = asyncio.create_task(client.send(PATH, BODY, HEADERS))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        hold.set()


# --- stream


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_everything_else_is_streamed_both_ways() -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=207, headers={"X-Path": request.raw_path})
        await response.prepare(request)
        async for chunk in request.content.iter_any():
            await response.write(chunk)
        return response

    big = bytes(range(256)) * 4096
    async with cloud(echo) as client:
        body = chunks(b"start", big, b"end")
        async with client.stream("PUT", "/v25.0/x?b=%20c", {}, body) as response:
            assert (response.status, response.headers["X-Path"]) == (207, "/v25.0/x?b=%20c")
            assert await response.read() == b"start" + big + b"end"


async def test_a_whole_url_of_metas_is_called_as_it_stands() -> None:
    async def tell(request: web.Request) -> web.Response:
        return web.Response(text=request.raw_path)

    app = web.Application()
    app.router.add_get("/{path:.*}", tell)
    async with TestServer(app) as other, client_at("http://127.0.0.1:1") as client:
        url = f"{str(other.make_url('')).rstrip('/')}/media?id=%2B1"
        async with client.stream("GET", url, {}, None) as response:
            assert await response.text() == "/media?id=%2B1"


async def test_trouble_with_a_stream_is_left_to_the_caller() -> None:
    async with client_at(f"http://127.0.0.1:{unused_port()}") as client:
        with pytest.raises(aiohttp.ClientError):
            async with client.stream("GET", "/v25.0/x", {}, None):
                pass


# --- nodes and lists


def pages(*answers: Any) -> tuple[Handler, list[web.Request]]:
    """Answer request after request."""
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response(answers[min(len(seen), len(answers)) - 1])

    return answer, seen


def page(*names: str, after: str | None = None) -> dict[str, Any]:
    paging = {"cursors": {"after": after}, "next": "https://example.invalid/"} if after else {}
    return {"data": [{"name": name} for name in names], "paging": paging}


async def test_a_number_is_asked_for_what_governs() -> None:
    handler, seen = pages({"id": "200000000000001", "status": "CONNECTED"})
    async with cloud(handler) as client:
        node = await client.get_number("200000000000001", "EAAmade-up")
    assert node["status"] == "CONNECTED"
    (request,) = seen
    assert request.path == "/v25.0/200000000000001"
    fields = set(request.query["fields"].split(","))
    assert {"status", "quality_rating", "throughput", "is_on_biz_app"} <= fields
    assert request.headers["Authorization"] == "Bearer EAAmade-up"


async def test_a_template_list_is_read_to_its_end() -> None:
    handler, seen = pages(page("a", "b", after="X1"), page("c", after="X2"), page("d"))
    async with cloud(handler) as client:
        listed = await client.get_templates("100000000000001", "EAAmade-up")
    assert [entry["name"] for entry in listed] == ["a", "b", "c", "d"]
    assert [request.query.get("after") for request in seen] == [None, "X1", "X2"]
    assert "message_send_ttl_seconds" in seen[0].query["fields"].split(",")


@pytest.mark.parametrize(
    "answer",
    [{"data": []}, {"data": [], "paging": None}, {"data": [7], "paging": {"cursors": {}}}],
)
async def test_a_list_with_parts_missing_is_an_empty_list(answer: dict[str, Any]) -> None:
    handler, _ = pages(answer)
    async with cloud(handler) as client:
        assert await client.get_templates("100000000000001", "EAAmade-up") == []


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": None},
        {"data": 5},
        {"data": [], "paging": "x"},
        {"data": [], "paging": {"next": "x"}},
        {"data": [], "paging": {"next": "x", "cursors": "x"}},
    ],
)
async def test_a_list_of_another_shape_is_refused(answer: dict[str, Any]) -> None:
    """A list that was misread would drop every template."""
    handler, _ = pages(answer)
    async with cloud(handler) as client:
        with pytest.raises(CloudError):
            await client.get_templates("100000000000001", "EAAmade-up")


async def test_a_list_without_end_is_given_up() -> None:
    handler, seen = pages(page("a", after="again"))
    async with cloud(handler) as client:
        with pytest.raises(CloudError, match="lists more than"):
            await client.get_templates("100000000000001", "EAAmade-up")
    assert len(seen) == MOST_PAGES


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, '{"error": {"message": "Invalid token", "code": 190}}', "HTTP 401: Invalid token"),
        (500, "<html>", "HTTP 500 without JSON"),
        (200, "[]", "HTTP 200: no error given"),
        (200, "not JSON", "HTTP 200 without JSON"),
    ],
)
async def test_a_node_that_is_refused_or_unreadable_says_why(
    status: int, body: str, said: str
) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    async with cloud(answer) as client:
        with pytest.raises(CloudError, match=said):
            await client.get_number("200000000000001", "EAAmade-up")


async def test_a_node_that_cannot_be_reached_says_so() -> None:
    async with client_at(f"http://127.0.0.1:{unused_port()}") as client:
        with pytest.raises(CloudError, match="cannot be reached"):
            await client.get_number("200000000000001", "EAAmade-up")
