import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from gateway.outbound.audience import AbandonedError, Audience
from gateway.outbound.dispatch import Dispatcher, Handled, Request
from gateway.outbound.pacing import CongestedError, Line
from gateway.web.connection import Connection
from tests.builders import signature, template_body
from tests.gateway_process import GatewayProcess, StartProcess
from tests.web.wire import (
    PATIENCE_S,
    FakeCloud,
    assert_in_metas_shape,
    exchange,
    read,
    request_bytes,
)
from tests.world import SMALL, Answer, World, until

ANA, BEN, CAT = "+34600000001", "+34600000002", "+34600000003"
PATH = f"/v25.0/{SMALL}/messages"
BODY = b'{"made-up-content'

# What arrives in the place of a request, and the status of the answer.
GARBAGE = {
    "no HTTP": (b"made-up-content\r\n\r\n", 400),
    "an unknown version": (b"POST / HTTP/9.9\r\n\r\n", 400),
    "a length that is no number": (request_bytes("POST", PATH, None, "Content-Length: x"), 400),
    "two lengths": (request_bytes("POST", PATH, b"{}", "Content-Length: 3"), 400),
    "length and chunks": (request_bytes("POST", PATH, b"", "Transfer-Encoding: chunked"), 400),
    "a header of 100 kB": (request_bytes("POST", PATH, b"", "X-Long: " + "a" * 100_000), 400),
    "a thousand headers": (request_bytes("POST", PATH, b"", *["X-Many: a"] * 1000), 400),
    "a line of 100 kB": (request_bytes("GET", "/" + "a" * 100_000), 400),
    "a target that is none": (request_bytes("GET", "made-up-content"), 400),
}
# What a known app may get wrong: headers and body after its key.
CUT_SHORT = {
    "half a head": request_bytes("POST", PATH)[:-10],
    "half a body": request_bytes("POST", PATH, None, "Content-Length: 99", key="{key}") + BODY,
    "half a chunk": request_bytes("POST", PATH, None, "Transfer-Encoding: chunked", key="{key}")
    + b"40\r\n"
    + BODY,
    "half an upload": request_bytes(
        "POST", f"/v25.0/{SMALL}/media", None, "Content-Length: 99", key="{key}"
    )
    + BODY,
    "half a delivery": request_bytes("POST", "/webhooks/whatsapp", None, "Content-Length: 99")
    + BODY,
}
NO_CHUNK = b"ZZ\r\nmade-up-content"


def with_key(data: bytes, key: str) -> bytes:
    return data.replace(b"{key}", key.encode())


@pytest.mark.parametrize("what", GARBAGE)
async def test_what_is_no_request_is_answered_in_metas_shape_and_quoted_nowhere(
    faked: World, what: str
) -> None:
    data, status = GARBAGE[what]
    for url in (faked.data_url, faked.admin_url):
        answer = read(await exchange(url, data))
        assert answer.status == status
        assert_in_metas_shape(answer)
        assert b"made-up-content" not in answer.body


async def test_a_chunk_that_is_none_is_a_bad_request_and_nothing_is_sent(
    faked: World, cloud: FakeCloud
) -> None:
    for path in (PATH, f"/v25.0/{SMALL}/media"):
        head = request_bytes(
            "POST", path, None, "Transfer-Encoding: chunked", key=faked.keys.app_key
        )
        for chunks in (NO_CHUNK, b"5\r\nhello\r\n" + NO_CHUNK):
            answer = read(await exchange(faked.data_url, head + chunks))
            assert answer.status == 400, (path, chunks)
            assert_in_metas_shape(answer)
        assert cloud.of("POST", path) == []
    assert await faked.counted(SMALL) == 0


class BrokenProxyError(Exception):
    """Says more than it should."""


async def test_a_mistake_of_ours_is_told_without_its_content(
    faked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise BrokenProxyError("made-up-content")

    monkeypatch.setattr(faked.gateway.directory, "app_of", fail)
    with capture_logs() as logs:
        answer = await faked.template(SMALL, ANA)
    error = assert_in_metas_shape(answer)
    assert (answer.status, error["code"], answer.rule) == (500, 131000, "gateway")
    (entry,) = (each for each in logs if each["event"] == "request failed")
    assert (entry["error"], entry["log_level"]) == ("BrokenProxyError", "error")
    assert entry["at"].startswith(f"{__name__}:")
    assert "made-up-content" not in f"{answer.body!r} {logs}"


def test_it_is_aiohttps_connection_with_few_things_changed() -> None:
    assert issubclass(Connection, web.RequestHandler)
    own = {name for name in vars(Connection) if not name.startswith("_")}
    assert own == {"handle_error", "log_exception", "of", "tell", "connection_lost"}


@dataclass
class Held:
    """Sends that stay at the dispatcher until they are let go, or until nobody waits for them."""

    audiences: asyncio.Queue[Audience] = field(default_factory=asyncio.Queue)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: Request, _line: Line) -> Handled:
        """Stand in the place of the dispatcher's own."""
        gone = asyncio.Event()
        request.audience.when_gone(gone.set)
        self.audiences.put_nowait(request.audience)
        ends = [asyncio.ensure_future(event.wait()) for event in (gone, self.let_go)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        if gone.is_set():
            raise AbandonedError
        raise CongestedError(1.0)

    async def next(self) -> Audience:
        """Wait until the next send is at the dispatcher."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.audiences.get()


@pytest.fixture
def held(faked: World, monkeypatch: pytest.MonkeyPatch) -> Held:
    made = Held()
    monkeypatch.setattr(
        Dispatcher, "handle", lambda _, request, line, _kind: made.handle(request, line)
    )
    assert faked.data_url
    return made


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection that is closed by leaving the context."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


async def all_gone(audience: Audience) -> None:
    """Wait until nobody waits any more."""
    gone = asyncio.Event()
    audience.when_gone(gone.set)
    async with asyncio.timeout(PATIENCE_S):
        await gone.wait()


def a_send(world: World, user: str) -> bytes:
    body = json.dumps(template_body(user)).encode()
    return request_bytes("POST", PATH, body, key=world.keys.app_key)


async def test_a_send_learns_that_its_client_has_hung_up(faked: World, held: Held) -> None:
    with capture_logs() as logs:
        async with connected(faked.data_url) as (_, writer):
            writer.write(a_send(faked, ANA))
            audience = await held.next()
            assert not audience.is_gone
        await all_gone(audience)
        async with connected(faked.data_url) as (_, writer):
            writer.write(a_send(faked, ANA))
            assert await held.next() is not audience, "what was given up is no longer on its way"
    assert logs == []


async def test_of_requests_sent_in_one_go_the_one_that_is_handled_learns_of_it(
    faked: World, held: Held
) -> None:
    async with connected(faked.data_url) as (reader, writer):
        writer.write(b"".join(a_send(faked, user) for user in (ANA, BEN, CAT)))
        first = await held.next()
        held.let_go.set()
        assert b" 429 " in await reader.readline()
        held.let_go.clear()
        second = await held.next()
    await all_gone(second)
    assert not first.is_gone, "it was answered before its client hung up"
    assert held.audiences.empty(), "nobody asks for the third any more"


async def test_who_hung_up_before_its_send_began_is_told_of_at_once() -> None:
    connection = Connection(web.Server(Mock()), loop=asyncio.get_running_loop())
    calls: list[str] = []
    connection.tell(lambda: calls.append("gone"))
    assert calls == ["gone"]
    connection.connection_lost(None)
    assert calls == ["gone"]


def test_a_request_of_another_listener_has_no_connection_of_ours() -> None:
    with pytest.raises(TypeError):
        Connection.of(make_mocked_request("POST", PATH))


async def send_everything(process: GatewayProcess, world: World) -> None:
    """Do to a gateway whatever a client could do wrong."""
    key = world.keys.app_key
    for data, _ in GARBAGE.values():
        await exchange(process.data_url, data)
        await exchange(process.admin_url, data)
    for data in CUT_SHORT.values():
        with contextlib.suppress(ConnectionError):
            await exchange(process.data_url, with_key(data, key), hang_up=True)
    for request in requests(world):
        await exchange(process.data_url, request)
    admin = request_bytes("POST", "/admin/v1/apps", BODY, key=world.keys.admin_key)
    await exchange(process.admin_url, admin)
    with contextlib.suppress(ConnectionError):
        await exchange(process.admin_url, admin[:-3], hang_up=True)
    await exchange(process.admin_url, request_bytes("GET", "/admin/v1/apps", key="\xff"))


def requests(world: World) -> Iterator[bytes]:
    key = world.keys.app_key
    chunked = "Transfer-Encoding: chunked"
    yield request_bytes("POST", PATH, BODY, key=key)
    yield request_bytes("POST", PATH, BODY, key="gw_made-up-key")
    yield request_bytes("POST", PATH, BODY, key="gw_\xff\xfe")
    yield request_bytes("POST", PATH, BODY, "X-Own: \xff\xfe", key=key)
    yield request_bytes("POST", PATH, gzip.compress(BODY), "Content-Encoding: gzip", key=key)
    yield request_bytes("POST", PATH, BODY * 400_000, key=key)
    yield request_bytes("POST", PATH, b"[" * 100_000, key=key)
    yield request_bytes("POST", PATH, b'{"messaging_product":"whatsapp","to":"\\u0000"}', key=key)
    yield request_bytes("POST", PATH, None, chunked, key=key) + NO_CHUNK
    yield request_bytes("POST", f"/v25.0/{SMALL}/media", None, chunked, key=key) + NO_CHUNK
    yield request_bytes("CONNECT", "gateway:1", key=key)
    yield request_bytes("OPTIONS", "*", key=key)
    yield request_bytes("GET", f"http://127.0.0.1:1/v25.0/{SMALL}", key=key)
    yield request_bytes("GET", "/media/made-up-content", key=key)
    yield request_bytes("POST", "/webhooks/whatsapp", BODY, "X-Hub-Signature-256: sha256=\xff")
    signed = signature(world.keys.app_secret, BODY)["X-Hub-Signature-256"]
    yield request_bytes("POST", "/webhooks/whatsapp", BODY, f"X-Hub-Signature-256: {signed}")
    yield request_bytes("GET", "/webhooks/whatsapp?hub.mode=subscribe&hub.verify_token=%FF")


async def test_whatever_is_thrown_at_it_a_gateway_logs_no_traceback_and_no_secret(
    bare_world: World, start_process: StartProcess
) -> None:
    world = bare_world
    process = await start_process(world, log_level="DEBUG")
    await send_everything(process, world)

    async def sent() -> Answer | None:
        answer = await world.template(SMALL, ANA, via=process.data_url)
        return answer if answer.status == 200 else None

    await until(sent, "a good message after all the bad ones")
    assert [each["user"] for each in await world.accepted(SMALL)] == [ANA.lstrip("+")]
    assert await process.terminate() == 0
    log = "\n".join(process.log)
    assert log
    assert "Traceback" not in log
    assert '"level": "error"' not in log
    for secret in secrets(world):
        assert secret not in log
    assert "made-up-content" not in log
    assert template_body(ANA)["template"]["name"] not in log


def secrets(world: World) -> list[str]:
    keys = world.keys
    return [
        keys.app_key,
        keys.admin_key,
        keys.app_secret,
        keys.verify_token,
        keys.vault_key,
        keys.meta_token,
        "gw_made-up-key",
    ]
