"""`gateway sandbox`: a whole gateway on one machine: PostgreSQL, emulator, gateway, demo data."""

import json
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import SecretStr
from rich.console import Console

from gateway import logs
from gateway.app import Gateway
from gateway.cli import demo
from gateway.cli.demo import DemoKeys
from gateway.cli.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from gateway.cli.folder_lock import FolderLock, FolderLockError
from gateway.cli.runner import fail, run, until_stopped
from gateway.clock import SandboxClock
from gateway.config import Settings, isolated
from gateway.emulator import Emulator, World, running
from gateway.store import sandbox_clock
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.store.migrate import MigrationError, migrate
from gateway.store.vault import VaultError
from gateway.web.server import WEBHOOK_PATH

HOST: Final = "127.0.0.1"
KEYS: Final = "keys.json"
POSTGRES: Final = "postgres"
SUMMARY: Final = "sandbox.json"
EXAMPLE_USER: Final = "+34600000001"


class BrokenSandboxError(Exception):
    """The sandbox cannot start; the text is one line for a person."""


FAILURES: Final = (
    BrokenSandboxError,
    FolderLockError,
    EmbeddedPostgresError,
    StoreUnavailableError,
    MigrationError,
    VaultError,
)

Port = Annotated[int, typer.Option(min=0, max=65535)]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the three listeners stand; 0 takes any free one."""

    gateway: int
    admin: int
    emulator: int


def sandbox(
    gateway_port: Port = 8080,
    admin_port: Port = 8081,
    emulator_port: Port = 8090,
    state_dir: Annotated[
        Path, typer.Option(help="Where the sandbox keeps its database and keys.")
    ] = Path(".sandbox"),
    *,
    fresh: Annotated[bool, typer.Option(help="Forget everything and start anew.")] = False,
) -> None:
    """Start a sandbox that behaves like the real thing: no account, no money, no reputation.

    Writes `sandbox.json` into its folder with every address, key and id. Ctrl-C stops everything.
    """
    logs.configure("WARNING")
    ports = Ports(gateway_port, admin_port, emulator_port)
    try:
        with FolderLock.acquire(state_dir):
            if fresh:
                _forget(state_dir)
            # What an earlier run left says where that one was.
            (state_dir / SUMMARY).unlink(missing_ok=True)
            keys = _keys(state_dir)
            with _postgres(state_dir) as url:
                run(_sandbox(url, keys, state_dir, ports))
    except FAILURES as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot start: {error.strerror or error}")


def _forget(state_dir: Path) -> None:
    EmbeddedPostgres.remove(state_dir / POSTGRES)
    for name in (KEYS, SUMMARY):
        (state_dir / name).unlink(missing_ok=True)


def _keys(state_dir: Path) -> DemoKeys:
    """Return the keys of this sandbox; the same at every start, so that scripts keep working."""
    path = state_dir / KEYS
    if not path.exists():
        _write_private(path, DemoKeys.new().text())
    try:
        return DemoKeys.read(path.read_text())
    except ValueError:
        raise BrokenSandboxError(
            f"{path} is broken: start with --fresh, or delete {state_dir}"
        ) from None


def _write_private(path: Path, text: str) -> None:
    """Write a file that holds secrets: nobody else may read it."""
    path.touch(mode=0o600)
    path.write_text(text)


@contextmanager
def _postgres(state_dir: Path) -> Iterator[str]:
    server = EmbeddedPostgres.start(state_dir / POSTGRES)
    try:
        yield server.url
    finally:
        server.stop()


async def _sandbox(url: str, keys: DemoKeys, state_dir: Path, ports: Ports) -> None:
    await migrate(url)
    clock = SandboxClock()
    await _seed(url, keys, clock)
    async with AsyncExitStack() as stack:
        emulator_url, emulator = await _emulator(stack, keys, clock, ports)
        settings = _settings(url, keys, ports, emulator_url)
        gateway = Gateway(settings, clock)
        gateway.on_advance(emulator.tick)
        await stack.enter_async_context(gateway)
        # The sandbox is ready when the gateway has read its templates from the emulator.
        await gateway.poller.run_once()
        urls = {
            "gateway_url": gateway.addresses.data_url,
            "admin_url": gateway.addresses.admin_url,
            "emulator_url": emulator_url,
        }
        emulator.state.sender.url = gateway.addresses.data_url + WEBHOOK_PATH
        written = demo.summary(keys, urls)
        _write_private(state_dir / SUMMARY, json.dumps(written, indent=1))
        _greet(keys, urls, state_dir)
        await until_stopped()


async def _seed(url: str, keys: DemoKeys, clock: SandboxClock) -> None:
    database = await Database.open(url, connections=2)
    try:
        await sandbox_clock.advance(database, clock)
        await demo.seed(database, keys, clock.now())
    finally:
        await database.close()


async def _emulator(
    stack: AsyncExitStack, keys: DemoKeys, clock: SandboxClock, ports: Ports
) -> tuple[str, Emulator]:
    webhook_url = f"http://{HOST}:{ports.gateway}{WEBHOOK_PATH}"
    emulator = Emulator(World.model_validate(demo.demo_world(keys, webhook_url)), clock=clock)
    clock.on_advance(emulator.on_clock_advanced)
    try:
        emulator_url = await stack.enter_async_context(running(emulator, HOST, ports.emulator))
    except OSError as error:
        raise _taken(error, "emulator", ports.emulator) from error
    return emulator_url, emulator


def _settings(url: str, keys: DemoKeys, ports: Ports, emulator_url: str) -> Settings:
    """Return the settings of a sandbox; those of the environment do not reach it."""
    return isolated(
        database_url=SecretStr(url),
        port=ports.gateway,
        admin_port=ports.admin,
        admin_key=SecretStr(keys.admin_key),
        cloud_url=emulator_url,
        app_secrets=(SecretStr(keys.app_secret),),
        verify_token=SecretStr(keys.verify_token),
        vault_key=SecretStr(keys.vault_key),
        log_level="WARNING",
        drain_grace_s=0,  # there is no balancer that would have to notice
        sandbox=True,
    )


def _taken(error: OSError, what: str, port: int) -> BrokenSandboxError:
    reason = error.strerror or str(error)
    return BrokenSandboxError(f"the {what} cannot listen on port {port}: {reason}")


def _greet(keys: DemoKeys, urls: dict[str, str], state_dir: Path) -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    number, *_, warming = demo.NUMBERS
    template = demo.TEMPLATES[0]
    body = json.dumps(
        {
            "messaging_product": "whatsapp",
            "to": EXAMPLE_USER,
            "type": "template",
            "template": {"name": template.name, "language": {"code": demo.LANGUAGE}},
        }
    )
    authorization = f"Authorization: Bearer {keys.app_key}"
    admin = f"Authorization: Bearer {keys.admin_key}"
    bearer = f"-H '{admin}'"
    curl_admin = f"curl -sS {urls['admin_url']}/admin/v1"
    inbound = json.dumps(
        {"phone_number_id": number.phone_number_id, "from": EXAMPLE_USER[1:], "text": "hello"}
    )
    console.print(
        f"""
The sandbox is running.

  gateway   {urls["gateway_url"]}     apps send here, as they would to graph.facebook.com
  admin     {urls["admin_url"]}     /admin/v1/numbers, /console, /metrics
  emulator  {urls["emulator_url"]}     plays Meta; /_emulator/state tells what it saw
  all addresses, keys and ids: {state_dir / SUMMARY}

Send a template:

curl -sS {urls["gateway_url"]}/v25.0/{number.phone_number_id}/messages \
  -H '{authorization}' -H 'Content-Type: application/json' \
  -d '{body}'

Then try:

  what is left of the limit     {curl_admin}/pools/{number.pool_id} {bearer}
  what became of the messages   {curl_admin}/messages {bearer}
  a paused template             the same with "winter_offer": refused here, with the reason
  how a new number warms up     {curl_admin}/numbers/{warming.phone_number_id} {bearer}
  a customer writes             curl -sS {urls["emulator_url"]}/_emulator/inbound -d '{inbound}'
  tomorrow                      {curl_admin}/sandbox/clock {bearer} -d '{{"advance_s": 86400}}'

Ctrl-C stops everything; --fresh starts anew."""
    )
