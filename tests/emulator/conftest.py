"""Build small worlds, a clock that stands still, a client and a receiver of webhooks."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from gateway.emulator import Emulator, Knobs, World
from gateway.emulator.state import Mode, State

SECRET = "made-up-secret"
WABA = "100000000000001"
FIRST = "200000000000001"
SECOND = "200000000000002"
LONE = "200000000000003"
PORTFOLIO = "400000000000004"
TOKEN = "made-up-token"
ANA = "+34600000001"
BEN = "+34600000002"
CAT = "+34600000003"
# What may stand where something else should.
JUNK: tuple[Any, ...] = (None, True, 7, 1.5, "x", [], ["x"], {}, [{}], {"x": 1})


class StillClock:
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def world(**changes: Any) -> World:
    """Two numbers share a portfolio with limit 2, a third has a limit of its own."""
    data: dict[str, Any] = {
        "app_secret": SECRET,
        "tokens": [
            {"token": TOKEN, "waba_ids": [WABA]},
            {"token": "poor-token", "waba_ids": []},
        ],
        "portfolios": [{"id": PORTFOLIO, "messaging_limit": 2}],
        "numbers": [
            _number(FIRST, "+1 555-000-1111", portfolio_id=PORTFOLIO),
            _number(SECOND, "+1 555-000-2222", portfolio_id=PORTFOLIO),
            _number(LONE, "+34 900 000 333", regime="per_number", messaging_limit=1000),
        ],
        "templates": [
            _template("600000000000001", "promo", "MARKETING"),
            _template("600000000000002", "order", "UTILITY"),
        ],
    }
    return World.model_validate(data | changes)


def _number(phone_number_id: str, display: str, **more: Any) -> dict[str, Any]:
    return {
        "phone_number_id": phone_number_id,
        "display_phone_number": display,
        "waba_id": WABA,
        **more,
    }


def _template(template_id: str, name: str, category: str) -> dict[str, Any]:
    return {"id": template_id, "waba_id": WABA, "name": name, "category": category}


def text(to: str = ANA, body: str = "hello", **more: Any) -> dict[str, Any]:
    message = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": body}}
    return message | more


def template(to: str = ANA, name: str = "promo", **more: Any) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "to": to,
        "type": "template",
        "template": {"name": name, "language": {"code": "en_US"}},
        **more,
    }


def spoiled(whole: Any, junk: Any) -> Iterator[Any]:
    """Put junk in the place of each part in turn, at every depth."""
    if isinstance(whole, dict):
        for key, part in whole.items():
            yield whole | {key: junk}
            yield from (whole | {key: bad} for bad in spoiled(part, junk))
    if isinstance(whole, list):
        for at, part in enumerate(whole):
            rest = [*whole[:at]], [*whole[at + 1 :]]
            yield [*rest[0], junk, *rest[1]]
            yield from ([*rest[0], bad, *rest[1]] for bad in spoiled(part, junk))


def state(**options: Any) -> State:
    """Build a state without any server, for what needs none."""
    return Emulator(world(), clock=options.pop("clock", StillClock()), **options).state


class Cloud:
    """A client of one running emulator."""

    def __init__(self, emulator: Emulator, clock: StillClock, client: TestClient[Any, Any]) -> None:
        self.emulator = emulator
        self.clock = clock
        self.client = client

    async def send(self, message: Any, number: str = FIRST, edge: str = "messages") -> Any:
        """Post a message; returns the answer's JSON with its HTTP status as `http`."""
        answer = await self.call("POST", f"/v25.0/{number}/{edge}", json=message)
        return await _with_status(answer)

    async def get(self, path: str, **more: Any) -> Any:
        return await _with_status(await self.call("GET", path, **more))

    async def call(self, method: str, path: str, **more: Any) -> ClientResponse:
        headers = {"Authorization": f"Bearer {TOKEN}"} | more.pop("headers", {})
        url = URL(path)
        relative = url.relative() if url.absolute else url
        return await self.client.request(method, relative, headers=headers, **more)

    async def steer(self, path: str, **body: Any) -> Any:
        return await _with_status(await self.client.post("/_emulator" + path, json=body))

    async def told(self, path: str) -> Any:
        return await (await self.client.get("/_emulator" + path)).json()

    async def rules_broken(self) -> list[str]:
        return [each["rule"] for each in await self.told("/violations")]

    async def write(self, user: str = ANA, number: str = FIRST) -> str:
        """Let a user write, so that the window is open."""
        answer = await self.steer("/inbound", **{"phone_number_id": number, "from": user})
        return str(answer["wamid"])

    async def number(self, phone_number_id: str = FIRST) -> Any:
        numbers = (await self.told("/state"))["numbers"]
        return next(each for each in numbers if each["phone_number_id"] == phone_number_id)


async def _with_status(answer: ClientResponse) -> Any:
    data = await answer.json()
    return data | {"http": answer.status} if isinstance(data, dict) else data


class Receiver:
    """Takes webhooks, checks their signature and answers what `replies` holds, then 200."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.raw: list[tuple[bytes, str]] = []
        self.replies: list[int] = []
        self.arrived = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        signature = request.headers["X-Hub-Signature-256"]
        expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert signature == f"sha256={expected}"
        status = self.replies.pop(0) if self.replies else 200
        self.raw.append((body, signature))
        if status == 200:
            self.bodies.append(orjson.loads(body))
        self.arrived.set()
        return web.Response(status=status)

    def values(self, field: str = "messages") -> list[dict[str, Any]]:
        return [
            change["value"]
            for body in self.bodies
            for entry in body["entry"]
            for change in entry["changes"]
            if change["field"] == field
        ]

    def statuses(self) -> list[dict[str, Any]]:
        return [each for value in self.values() for each in value.get("statuses", [])]


Start = Callable[..., Awaitable[Cloud]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start emulators; all of them stop with the test."""
    clients: list[TestClient[Any, Any]] = []

    async def started(mode: Mode = "enforce", knobs: Knobs | None = None, **changes: Any) -> Cloud:
        clock = StillClock()
        emulator = Emulator(world(**changes), clock=clock, mode=mode, knobs=knobs)
        client = TestClient(TestServer(emulator.application()))
        await client.start_server()
        clients.append(client)
        return Cloud(emulator, clock, client)

    yield started
    for client in clients:
        await client.close()


@pytest.fixture
async def cloud(start: Start) -> Cloud:
    """Start an emulator that enforces, without webhooks."""
    return await start()


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    """Start a receiver; gives it and its address."""
    taking = Receiver()
    app = web.Application()
    app.router.add_post("/hook", taking.take)
    server = TestServer(app)
    await server.start_server()
    yield taking, str(server.make_url("/hook"))
    await server.close()


@pytest.fixture
async def told(start: Start, receiver: tuple[Receiver, str]) -> tuple[Cloud, Receiver]:
    """Start an emulator that enforces and tells a receiver."""
    taking, url = receiver
    return await start(webhook_url=url), taking


async def flushed(cloud: Cloud) -> None:
    """Wait until every webhook has been taken."""
    assert (await cloud.steer("/webhooks/flush"))["pending"] == 0
