"""Puts a whole world on real sockets: database, emulator, gateway, demo data, and a small client.

`world` is one with everything at its default; `make_world(...)` builds one with other options.
The emulator and the gateway share one clock, as they do in `gateway sandbox`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
import pytest

from gateway.app import Gateway
from gateway.cli import demo
from gateway.cli.demo import DemoKeys
from gateway.clock import SandboxClock
from gateway.config import load
from gateway.emulator import Emulator, Knobs, running
from gateway.emulator.state import Mode
from gateway.store import inbox, numbers, pools, quota
from gateway.store.database import Database
from gateway.store.pools import LimitSource, PoolSettings
from gateway.web.server import WEBHOOK_PATH
from gateway.whatsapp.ids import PoolId
from tests.builders import envelope, signature, template_body, text_body
from tests.scenery import number_settings, scenery

HOST: Final = "127.0.0.1"
SMALL, MIDDLE, *SHARED, WARMING = (number.phone_number_id for number in demo.NUMBERS)
"""Numbers of the demo: limits of 250 and 1,000 of their own, three that share 2,000, a new one."""
PORTFOLIO: Final = demo.PORTFOLIO
DAY_S: Final = 86_400.0
STILL_START: Final = datetime(2026, 1, 5, 9, 30, 0, 700_000, tzinfo=UTC)
"""Within a second, since Meta's webhooks tell whole seconds and that must not matter."""
LOOK_S: Final = 0.02
PATIENCE_S: Final = 20.0


async def until(
    condition: Callable[[], Awaitable[Any]], what: str = "the condition", timeout_s: float = 45.0
) -> Any:
    """Wait until `condition` gives something true, and return that; AssertionError if it never."""
    try:
        async with asyncio.timeout(timeout_s):
            while not (found := await condition()):  # noqa: ASYNC110 - other processes set no event
                await asyncio.sleep(LOOK_S)
            return found
    except TimeoutError:
        raise AssertionError(f"{what} has not come true in {timeout_s} s") from None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answered; `json` is None where the body is not JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def code(self) -> int | None:
        """The code of the error, None if it is none."""
        content = self.json
        error = content.get("error") if isinstance(content, dict) else None
        return error.get("code") if isinstance(error, dict) else None

    @property
    def rule(self) -> str | None:
        """The rule that said no."""
        return self.headers.get("Gateway-Rule")


@dataclass(frozen=True, slots=True)
class Options:
    """How a world differs from the sandbox.

    `limits`: messaging limit by pool, of the gateway and the emulator alike. `throughput`: of
    every number, on both sides. `settings`: settings of the gateway. `gateway`: whether one runs
    inside the test; without it the tests start `GatewayProcess`es. `polled`: whether it has read
    numbers and templates from the emulator before the test begins. `still`: whether the clock
    stands still unless it is advanced, so that an instant can be met exactly.
    """

    mode: Mode = "enforce"
    knobs: Knobs | None = None
    throughput: int = 1000
    limits: Mapping[str, int] = field(default_factory=dict)
    headroom: float = demo.HEADROOM
    webhooks: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    gateway: bool = True
    polled: bool = True
    still: bool = False
    seed: int = 0


class StillClock(SandboxClock):
    """A sandbox's clock that moves only when it is moved."""

    def now(self) -> datetime:
        """Return the instant of the last move."""
        return STILL_START + timedelta(seconds=self.offset_s)


class World:
    """A running world and a client of all its doors."""

    def __init__(self, database_url: str, options: Options) -> None:
        self.database_url = database_url
        self.options = options
        self.keys = DemoKeys.new()
        self.clock = StillClock() if options.still else SandboxClock()
        knobs = options.knobs or Knobs(batching="greedy")
        self.emulator = Emulator(
            scenery(self.keys, options.limits, options.throughput),
            clock=self.clock,
            mode=options.mode,
            knobs=knobs,
            seed=options.seed,
        )
        self.clock.on_advance(self.emulator.on_clock_advanced)
        self.emulator_url = ""
        self.data_url = ""
        self.admin_url = ""
        self.stack = AsyncExitStack()
        self._gateway: Gateway | None = None

    @property
    def gateway(self) -> Gateway:
        """The gateway inside the test."""
        if self._gateway is None:
            raise AssertionError("this world has no gateway of its own")
        return self._gateway

    async def open(self) -> None:
        """Start everything."""
        self.http = await self.stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=60)
            )
        )
        self.emulator_url = await self.stack.enter_async_context(running(self.emulator, HOST, 0))
        self.database = await Database.open(self.database_url, connections=3)
        self.stack.callback(self.database.terminate)
        await self._seed()
        if self.options.gateway:
            await self.start_gateway()

    async def close(self) -> None:
        """Stop everything."""
        await self.stack.aclose()

    async def start_gateway(self) -> None:
        """Start the gateway inside the test, and have Meta's webhooks sent to it."""
        gateway = Gateway(load(**self.settings(port=0, admin_port=0)), self.clock)
        gateway.on_advance(self.emulator.tick)
        await self.stack.enter_async_context(gateway)
        self._gateway = gateway
        self.data_url = gateway.addresses.data_url
        self.admin_url = gateway.addresses.admin_url
        if self.options.polled:
            await gateway.poller.run_once()
            await gateway.directory.refresh()
        if self.options.webhooks:
            self.aim_webhooks(self.data_url)

    def aim_webhooks(self, data_url: str | None) -> None:
        """Have webhooks sent to the gateway at `data_url`, or to nobody."""
        self.emulator.state.sender.url = None if data_url is None else data_url + WEBHOOK_PATH

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return the settings of a gateway in this world."""
        keys = self.keys
        return {
            "database_url": self.database_url,
            "admin_key": keys.admin_key,
            "cloud_url": self.emulator_url,
            "app_secrets": [keys.app_secret],
            "verify_token": keys.verify_token,
            "vault_key": keys.vault_key,
            "log_level": "WARNING",
            "drain_grace_s": 0,
            "sandbox": True,
            **self.options.settings,
            **more,
        }

    async def _seed(self) -> None:
        # In whole seconds, or else what a webhook tells in the same second would be older.
        now = self.clock.now().replace(microsecond=0)
        async with self.database.transaction() as connection:
            for pool_id, number in {each.pool_id: each for each in demo.NUMBERS}.items():
                limit = self.options.limits.get(pool_id, number.messaging_limit)
                settings = PoolSettings(
                    PoolId(pool_id), number.regime, limit, self.options.headroom
                )
                await pools.put(connection, settings, now, LimitSource.META)
        await demo.seed(self.database, self.keys, now)
        async with self.database.transaction() as connection:
            for number in demo.NUMBERS:
                await quota.touch(connection, [PoolId(number.pool_id)])
                await numbers.put(connection, number_settings(number, self.options.throughput), now)

    async def send(
        self,
        number: str,
        body: Any,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        via: str | None = None,
    ) -> Answer:
        """Send a message as an app does; `key` is its token, `via` the address of a gateway."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {key or self.keys.app_key}"}
        given["Content-Type"] = "application/json"
        url = f"{via or self.data_url}/v25.0/{number}/messages"
        return await self.call("POST", url, data=data, headers=given | dict(headers or {}))

    async def template(
        self, number: str, to: str, name: str = "order_update", **more: Any
    ) -> Answer:
        """Send a template; `more` as for `send`."""
        return await self.send(number, template_body(to, name), **more)

    async def text(self, number: str, to: str, text: str = "hello", **more: Any) -> Answer:
        """Send a free-form message; `more` as for `send`."""
        return await self.send(number, text_body(to, text), **more)

    async def call(self, method: str, url: str, **more: Any) -> Answer:
        """Make any request."""
        async with self.http.request(method, url, **more) as answer:
            return Answer(answer.status, answer.headers.copy(), await answer.read())

    async def admin(
        self, path: str, body: Any = None, *, via: str | None = None, method: str | None = None
    ) -> Any:
        """Ask the admin API below `/admin/v1`, or tell it `body`; returns the JSON."""
        answer = await self.call(
            method or ("GET" if body is None else "POST"),
            f"{via or self.admin_url}/admin/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.keys.admin_key}"},
        )
        assert answer.status == 200, answer
        return answer.json

    async def advance(self, seconds: float) -> None:
        """Move the clock of gateway and emulator ahead, through the admin API."""
        await self.admin("/sandbox/clock", {"advance_s": seconds})
        if self._gateway is None:
            await self.steer("/clock", {"advance_s": seconds})

    async def advance_to(self, instant: datetime) -> None:
        """Move the clock ahead to `instant`."""
        await self.advance((instant - self.clock.now()).total_seconds())

    async def turn(self, number: str, **knobs: Any) -> None:
        """Turn knobs of a number, for example `rules={"activity": "enforce"}`."""
        await self.admin(f"/numbers/{number}", {"knobs": knobs}, method="PATCH")

    async def steer(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        """Ask the emulator below `/_emulator`, or tell it `body`; returns the JSON."""
        answer = await self.call(
            method or ("GET" if body is None else "POST"),
            f"{self.emulator_url}/_emulator{path}",
            json=body,
        )
        assert answer.status == 200, answer
        return answer.json

    async def fault(self, action: str, **more: Any) -> None:
        """Arm a fault for sends only: the gateway's own polls must not run into it."""
        await self.steer("/faults", {"match": {"path": "/messages"}, "action": action} | more)

    async def inbound(self, number: str, user: str, text: str = "hello") -> str:
        """Let a user write to a number; returns the wamid once the gateway knows of it."""
        body = {"phone_number_id": number, "from": user.lstrip("+"), "text": text}
        wamid: str = (await self.steer("/inbound", body))["wamid"]
        await self.flush()
        return wamid

    async def webhook(self, field: str, value: dict[str, Any], **more: Any) -> Answer:
        """Tell the gateway something in Meta's name, with one change; `more` as for `envelope`."""
        body = envelope(field, value, **more)
        url = self.data_url + WEBHOOK_PATH
        headers = signature(self.keys.app_secret, body)
        answer = await self.call("POST", url, data=body, headers=headers)
        await self.flush()
        return answer

    async def flush(self) -> None:
        """Wait until webhooks are delivered and digested."""
        pending = (await self.steer("/webhooks/flush?timeout_s=20", {}))["pending"]
        assert pending == 0, f"{pending} updates were never taken by the gateway"
        if self._gateway is not None:
            await self._gateway.digest.run_once()
        await until(self._inbox_is_empty, "an empty inbox")

    async def _inbox_is_empty(self) -> bool:
        async with self.database.connection() as connection:
            return await inbox.backlog(connection) == 0

    async def violations(self) -> list[dict[str, Any]]:
        """Return what the emulator holds against the gateway."""
        found: list[dict[str, Any]] = await self.steer("/violations")
        return found

    async def number(self, number: str) -> dict[str, Any]:
        """Return a number as the gateway's operator sees it."""
        view: dict[str, Any] = await self.admin(f"/numbers/{number}")
        return view

    async def emulated(self, number: str) -> dict[str, Any]:
        """Return a number as the emulator sees it."""
        views = (await self.steer("/state"))["numbers"]
        return next(view for view in views if view["phone_number_id"] == number)

    async def poll(self) -> None:
        """Have the gateway read every number and template list."""
        assert await self.gateway.poller.run_once() > 0

    async def sends(self, number: str | None = None) -> list[dict[str, Any]]:
        """Return what the emulator was sent, oldest first."""
        query = f"?phone_number_id={number}" if number else ""
        found: list[dict[str, Any]] = await self.steer(f"/sends{query}")
        return found

    async def accepted(self, number: str | None = None) -> list[dict[str, Any]]:
        """Return what the emulator was sent and accepted."""
        return [each for each in await self.sends(number) if each["outcome"] == "accepted"]

    async def message(self, answer: Answer) -> dict[str, Any]:
        """Return the whole story of the message that was answered so."""
        story: dict[str, Any] = await self.admin(
            f"/messages/{answer.headers['Gateway-Message-Id']}"
        )
        return story

    async def state_of(self, answer: Answer, state: str) -> dict[str, Any]:
        """Wait until the message that was answered so is in `state`; returns its story."""

        async def arrived() -> dict[str, Any] | None:
            story = await self.message(answer)
            return story if story["state"] == state else None

        story: dict[str, Any] = await until(arrived, f"state {state!r}")
        return story

    async def counted(self, pool_id: str) -> int:
        """Return how many users count in a pool, as the gateway sees it."""
        count: int = (await self.admin(f"/pools/{pool_id}"))["counted"]
        return count


@asynccontextmanager
async def running_world(database_url: str, options: Options | None = None) -> AsyncIterator[World]:
    """Run a world on a migrated database while the context lasts."""
    world = World(database_url, options or Options())
    try:
        await world.open()
        yield world
    finally:
        await world.close()


MakeWorld = Callable[..., Awaitable[World]]
"""Takes the fields of `Options` by name; the world ends with the test."""


@pytest.fixture
async def make_world(database_url: str) -> AsyncIterator[MakeWorld]:
    """Return a maker of worlds on the test's own database."""
    async with AsyncExitStack() as stack:

        async def make(**options: Any) -> World:
            return await stack.enter_async_context(running_world(database_url, Options(**options)))

        yield make


@pytest.fixture
async def world(make_world: MakeWorld) -> World:
    """Return a world like the sandbox, with a throughput of 1,000 messages a second."""
    return await make_world()
