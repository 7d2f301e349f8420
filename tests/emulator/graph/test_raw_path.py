"""The short cut for sends must be told from the framework by its speed alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest

from gateway.emulator import Emulator, running
from tests.emulator.conftest import (
    ANA,
    FIRST,
    TOKEN,
    Receiver,
    StillClock,
    template,
    text,
    world,
)

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def emulator() -> Emulator:
    return Emulator(world(), clock=StillClock())


@pytest.fixture
async def url(emulator: Emulator) -> AsyncIterator[str]:
    async with running(emulator, "127.0.0.1", 0) as base:
        yield base


@pytest.fixture
async def wire(url: str) -> AsyncIterator[Wire]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    yield reader, writer
    writer.close()
    await writer.wait_closed()


def request(message: Any, *headers: str, path: str = f"/v25.0/{FIRST}/messages") -> bytes:
    body = orjson.dumps(message)
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {TOKEN}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, Any], bytes]:
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        return int(head.split()[1]), orjson.loads(await reader.readexactly(length)), head


async def test_a_plain_send_is_answered_without_the_framework(wire: Wire) -> None:
    reader, writer = wire
    writer.write(request(template()))
    status, body, head = await answer(reader)
    assert (status, body["contacts"][0]["wa_id"]) == (200, "34600000001")
    assert b"aiohttp" not in head


async def test_requests_may_come_in_pieces_and_several_at_once(wire: Wire) -> None:
    reader, writer = wire
    whole = request(template()) + request(template())
    for cut in (whole[:20], whole[20:150], whole[150:]):
        writer.write(cut)
        await writer.drain()
    ids = [(await answer(reader))[1]["messages"][0]["id"] for _ in range(2)]
    assert len(set(ids)) == 2


async def test_sends_that_come_at_once_are_told_apart_in_webhooks(
    emulator: Emulator, wire: Wire, receiver: tuple[Receiver, str]
) -> None:
    """Deliveries depend on the calls, not on how the network cuts them."""
    reader, writer = wire
    taking, emulator.state.sender.url = receiver
    writer.write(request(template()) * 3)
    for _ in range(3):
        await answer(reader)
    assert await emulator.state.sender.flush(5) == 0
    assert [len(body["entry"][0]["changes"]) for body in taking.bodies] == [2, 2, 2]


async def test_a_refusal_has_its_status(wire: Wire) -> None:
    reader, writer = wire
    writer.write(request(template(name="nobody")))
    status, body, _ = await answer(reader)
    assert (status, body["error"]["code"]) == (404, 132001)


@pytest.mark.parametrize(
    "odd",
    [
        request(template(), "Content-Encoding: identity"),
        request(template(), path=f"/{FIRST}/messages?x=1"),
        request(template(), path="/999/messages"),
        b"GET /_emulator/state HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
async def test_the_rest_is_left_to_the_framework(wire: Wire, odd: bytes) -> None:
    reader, writer = wire
    writer.write(request(template()) + odd + request(template()))
    assert b"aiohttp" not in (await answer(reader))[2]
    assert b"aiohttp" in (await answer(reader))[2]
    status, body, head = await answer(reader)
    assert (status, body["contacts"][0]["input"]) == (200, ANA)
    assert b"aiohttp" in head


async def test_an_armed_fault_strikes(url: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        fault = {"action": "error", "code": 131016, "times": 1}
        await session.post(f"{url}/_emulator/faults", json=fault)
        async with session.post(f"{url}/{FIRST}/messages", json=template()) as struck:
            assert struck.status == 500


async def test_both_ways_answer_alike() -> None:
    """The same message to two emulators with one seed and one hour."""
    clock = StillClock()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    seen: list[list[Any]] = []
    for more in ({}, {"Content-Encoding": "identity"}):
        emulator = Emulator(world(), clock=clock)
        answers = []
        async with (
            running(emulator, "127.0.0.1", 0) as url,
            aiohttp.ClientSession(headers=headers | more) as session,
        ):
            for message in (template(), text(), template(name="nobody"), {"to": 1}):
                body = orjson.dumps(message)
                async with session.post(f"{url}/v25.0/{FIRST}/messages", data=body) as each:
                    answers.append((each.status, each.content_type, await each.json()))
        seen.append(answers)
    assert seen[0] == seen[1]
