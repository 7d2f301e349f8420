"""The two ways to Meta that the demo compares: straight, and through the gateway."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
from pydantic import SecretStr

from benchmarks.campaigns import HOUR_S, SEED, Reply, world
from benchmarks.furnish import furnish
from gateway.app import Gateway
from gateway.clock import SandboxClock
from gateway.config import isolated
from gateway.emulator import Emulator, Knobs, World, running
from gateway.emulator.state import State
from gateway.store.migrate import migrate
from gateway.web.server import WEBHOOK_PATH

HOST: Final = "127.0.0.1"
START: Final = datetime(2026, 11, 2, tzinfo=UTC)
_KEY: Final = "demo-admin-key"
_SECRET: Final = "demo-app-secret"  # noqa: S105 - signs webhooks on loopback
_TOKEN: Final = "EAAdemo"  # noqa: S105 - of the emulated world


class CampaignClock(SandboxClock):
    """A clock that begins on a Monday and moves only when it is moved."""

    def now(self) -> datetime:
        """Return the instant of the last move."""
        return START + timedelta(seconds=self.offset_s)


class Straight:
    """An app that talks to Meta itself."""

    def __init__(
        self, emulator: Emulator, clock: SandboxClock, http: aiohttp.ClientSession
    ) -> None:
        self.state: State = emulator.state
        self._clock = clock
        self._emulator = emulator
        self._http = http

    async def send(self, number: str, body: dict[str, Any]) -> Reply:
        """Send one message."""
        path = f"/v25.0/{number}/messages"
        async with self._http.post(path, data=json.dumps(body)) as answer:
            return _reply(answer.headers.get("Gateway-Decision"), await answer.json())

    async def advance(self, seconds: float) -> None:
        """Let time pass at Meta."""
        self._clock.advance(seconds)
        await self._emulator.tick()


class ThroughGateway(Straight):
    """The same app with another base URL."""

    def __init__(
        self, gateway: Gateway, emulator: Emulator, clock: SandboxClock, http: aiohttp.ClientSession
    ) -> None:
        super().__init__(emulator, clock, http)
        self._gateway = gateway
        gateway.on_advance(emulator.tick)

    async def advance(self, seconds: float) -> None:
        """Let time pass for Meta and the gateway, which hears of everything and asks every hour."""
        async with _client(self._gateway.addresses.admin_url, _KEY) as admin:
            moved = await admin.post("/admin/v1/sandbox/clock", json={"advance_s": seconds})
            moved.raise_for_status()
        await self.state.sender.flush(20.0)
        await self._gateway.digest.run_once()
        await self._gateway.sweeper.run_once()
        if seconds >= HOUR_S:
            await self._gateway.poller.run_once()
            await self._gateway.directory.refresh()


def _reply(decision: str | None, answer: dict[str, Any]) -> Reply:
    code = answer.get("error", {}).get("code")
    return Reply(code, is_held=code is not None and decision in {"defer", "reject"})


@asynccontextmanager
async def straight() -> AsyncIterator[Straight]:
    """Run an emulator, and an app that talks to it."""
    clock = CampaignClock()
    async with AsyncExitStack() as stack:
        emulator, url = await _emulator(stack, clock)
        http = await stack.enter_async_context(_client(url, _TOKEN))
        yield Straight(emulator, clock, http)


@asynccontextmanager
async def through_gateway(database_url: str) -> AsyncIterator[ThroughGateway]:
    """Run an emulator, a gateway on an empty database, and an app that talks to the gateway."""
    clock = CampaignClock()
    await migrate(database_url)
    async with AsyncExitStack() as stack:
        emulator, url = await _emulator(stack, clock)
        settings = isolated(
            database_url=SecretStr(database_url),
            port=0,
            admin_port=0,
            admin_key=SecretStr(_KEY),
            cloud_url=url,
            app_secrets=(SecretStr(_SECRET),),
            vault_key=SecretStr(_KEY),
            log_level="ERROR",
            sandbox=True,
        )
        gateway = await stack.enter_async_context(Gateway(settings, clock))
        numbers = world()["numbers"]
        names = ("phone_number_id", "waba_id", "display_phone_number", "throughput")
        app_key = await furnish(
            gateway.addresses.admin_url,
            _KEY,
            {each["phone_number_id"]: _pool(each) for each in numbers},
            [{name: each[name] for name in names} | _known(each) for each in numbers],
        )
        emulator.state.sender.url = gateway.addresses.data_url + WEBHOOK_PATH
        await gateway.directory.refresh()
        await gateway.poller.run_once()
        client = _client(gateway.addresses.data_url, app_key)
        http = await stack.enter_async_context(client)
        yield ThroughGateway(gateway, emulator, clock, http)


async def _emulator(stack: AsyncExitStack, clock: SandboxClock) -> tuple[Emulator, str]:
    described = World.model_validate(world() | {"app_secret": _SECRET})
    emulator = Emulator(described, clock=clock, seed=SEED, knobs=Knobs(batching="greedy"))
    clock.on_advance(emulator.on_clock_advanced)
    return emulator, await stack.enter_async_context(running(emulator, HOST, 0))


def _client(url: str, token: str) -> aiohttp.ClientSession:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return aiohttp.ClientSession(url, headers=headers)


def _pool(number: dict[str, Any]) -> dict[str, Any]:
    return {"regime": number["regime"], "messaging_limit": number["messaging_limit"]}


def _known(number: dict[str, Any]) -> dict[str, str]:
    return {"pool_id": number["phone_number_id"], "access_token": _TOKEN}
