"""Starts the programs that benchmarks put side by side, each in a process of its own."""

import asyncio
import json
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.furnish import furnish
from benchmarks.harness import Load, free_port, process
from gateway.cli.embedded_postgres import EmbeddedPostgres
from gateway.store.migrate import migrate

ADMIN_KEY: Final = "benchmark"
TOKEN: Final = "EAAbenchmark"  # noqa: S105 - a made-up token for loopback
WABA: Final = "100000000000001"
PORTFOLIO: Final = "400000000000001"
APP: Final = "app"
NUMBERS: Final = tuple(f"20000000000000{index}" for index in range(4))
THROUGHPUT: Final = 1_000_000
BODY: Final = json.dumps(
    {
        "messaging_product": "whatsapp",
        "to": "+%s",
        "type": "template",
        "template": {
            "name": "order_update",
            "language": {"code": "en_US"},
            "components": [
                {"type": "body", "parameters": [{"type": "text", "text": "Order 1234 of today"}]}
            ],
        },
    }
)


def sink(stack: ExitStack) -> str:
    """Start an upstream that accepts everything at once; returns its address."""
    port = free_port()
    stack.enter_context(process(["benchmarks.sink", str(port)], port))
    return f"http://127.0.0.1:{port}"


def bare_proxy(stack: ExitStack, upstream: str) -> Load:
    """Start a pass-through of 20 lines; returns what to load it with."""
    port = free_port()
    stack.enter_context(process(["benchmarks.bare_proxy", str(port), upstream], port))
    return _load(port, TOKEN)


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway process that knows nobody yet, and where it and its database are."""

    process_id: int
    data_port: int
    admin_url: str
    database_url: str


def served(stack: ExitStack, upstream: str) -> Served:
    """Start PostgreSQL and a gateway."""
    data, admin = free_port(), free_port()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    postgres = EmbeddedPostgres.start(folder / "postgres")
    stack.callback(postgres.stop)
    asyncio.run(migrate(postgres.url))
    environment = {
        "GATEWAY_DATABASE_URL": postgres.url,
        "GATEWAY_PORT": str(data),
        "GATEWAY_ADMIN_PORT": str(admin),
        "GATEWAY_ADMIN_KEY": ADMIN_KEY,
        "GATEWAY_CLOUD_URL": upstream,
        "GATEWAY_VAULT_KEY": ADMIN_KEY,
        "GATEWAY_LOG_LEVEL": "ERROR",
    }
    process_id = stack.enter_context(process(["gateway", "serve"], admin, environment))
    return Served(process_id, data, f"http://127.0.0.1:{admin}", postgres.url)


def gateway(stack: ExitStack, upstream: str) -> Load:
    """Start PostgreSQL and a gateway with four numbers of an unlimited portfolio."""
    return furnished(served(stack, upstream))


def furnished(started: Served, messaging_limit: int | None = None) -> Load:
    """Tell a gateway of four numbers of one portfolio; returns what to load it with."""
    pools = {PORTFOLIO: {"regime": "portfolio", "messaging_limit": messaging_limit}}
    numbers = [number | {"pool_id": PORTFOLIO, "access_token": TOKEN} for number in _numbers()]
    key = asyncio.run(furnish(started.admin_url, ADMIN_KEY, pools, numbers))
    return _load(started.data_port, key)


def emulator(stack: ExitStack) -> Load:
    """Start an emulator of the same numbers that observes and answers at once."""
    port = free_port()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    world = {
        "tokens": [{"token": TOKEN, "waba_ids": [WABA]}],
        "portfolios": [{"id": PORTFOLIO, "messaging_limit": None}],
        "numbers": [number | {"portfolio_id": PORTFOLIO} for number in _numbers()],
        "templates": [
            {
                "id": "600000000000001",
                "waba_id": WABA,
                "name": "order_update",
                "category": "UTILITY",
                "components": [{"type": "BODY", "text": "News of {{1}}."}],
            }
        ],
    }
    path = folder / "world.json"
    path.write_text(json.dumps(world))
    command = ["gateway.emulator", "--world", str(path), "--port", str(port), "--mode", "observe"]
    stack.enter_context(process(command, port))
    return _load(port, TOKEN)


def _numbers() -> list[dict[str, Any]]:
    return [
        {
            "phone_number_id": number,
            "waba_id": WABA,
            "display_phone_number": f"+1 555-000-100{index}",
            "throughput": THROUGHPUT,
        }
        for index, number in enumerate(NUMBERS)
    ]


def path_of(number: str) -> str:
    """Return where a number's messages are posted."""
    return f"/v25.0/{number}/messages"


def _load(port: int, token: str) -> Load:
    paths = [path_of(number) for number in NUMBERS]
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    return Load(f"http://127.0.0.1:{port}", paths, headers, BODY)
