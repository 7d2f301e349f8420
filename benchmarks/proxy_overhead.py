"""Tells how much slower the gateway, durable and exact, is than a pass-through that does nothing.

One gateway process and a bare aiohttp pass-through of 20 lines, the same upstream, interleaved in
one run; templates to ever new users over four numbers of one unlimited portfolio.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import aiohttp

from benchmarks.harness import Figures, Load, free_port, measure, median, process
from gateway.cli.embedded_postgres import EmbeddedPostgres
from gateway.store.migrate import migrate

BAR_RATIO: Final = 0.80
BAR_ADDED_MS: Final = 2.0
CONNECTIONS: Final = 64
ADMIN_KEY: Final = "benchmark"
NUMBERS: Final = tuple(f"20000000000000{index}" for index in range(4))
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


def run(rounds: int, seconds: float) -> None:
    """Measure both, side by side, and print the report."""
    with _both() as (bare, gateway):
        for load in (bare, gateway):
            measure(load, CONNECTIONS, 2)  # warm
        many = [_pair(bare, gateway, CONNECTIONS, seconds) for _ in range(rounds)]
        single = [_pair(bare, gateway, 1, seconds) for _ in range(max(rounds // 2, 1))]
    _report(many, single)


def _pair(bare: Load, gateway: Load, connections: int, seconds: float) -> tuple[Figures, Figures]:
    pair = measure(bare, connections, seconds), measure(gateway, connections, seconds)
    for figures in pair:
        if figures.failed:
            sys.exit(f"{figures.failed} requests were not answered with 2xx: nothing to compare")
    return pair


def _report(many: list[tuple[Figures, Figures]], single: list[tuple[Figures, Figures]]) -> None:
    print(f"proxy_overhead: {CONNECTIONS} connections, {len(many)} rounds interleaved")
    print(f"{'':12}{'requests/s':>12}{'median ms':>12}{'p99 ms':>10}")
    for name, side in (("bare", 0), ("gateway", 1)):
        figures = [pair[side] for pair in many]
        print(
            f"{name:12}{median([f.per_second for f in figures]):12.0f}"
            f"{median([f.median_ms for f in figures]):12.2f}"
            f"{median([f.p99_ms for f in figures]):10.2f}"
        )
    ratios = [gateway.per_second / bare.per_second for bare, gateway in many]
    shown = " ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"ratio {median(ratios):.2f} (bar {BAR_RATIO:.2f}; rounds {shown})")
    added = median([gateway.median_ms - bare.median_ms for bare, gateway in single])
    print(f"one connection: {added:.2f} ms added at the median (bar {BAR_ADDED_MS:.1f} ms)")


@contextmanager
def _both() -> Iterator[tuple[Load, Load]]:
    sink, bare, data, admin = (free_port() for _ in range(4))
    upstream = f"http://127.0.0.1:{sink}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = EmbeddedPostgres.start(folder / "postgres")
        stack.callback(postgres.stop)
        asyncio.run(migrate(postgres.url))
        stack.enter_context(process(["benchmarks.sink", str(sink)], sink))
        stack.enter_context(process(["benchmarks.bare_proxy", str(bare), upstream], bare))
        environment = {
            "GATEWAY_DATABASE_URL": postgres.url,
            "GATEWAY_PORT": str(data),
            "GATEWAY_ADMIN_PORT": str(admin),
            "GATEWAY_ADMIN_KEY": ADMIN_KEY,
            "GATEWAY_CLOUD_URL": upstream,
            "GATEWAY_VAULT_KEY": ADMIN_KEY,
            "GATEWAY_LOG_LEVEL": "ERROR",
        }
        stack.enter_context(process(["gateway", "serve"], admin, environment))
        key = asyncio.run(_set_up(f"http://127.0.0.1:{admin}"))
        paths = [f"/v25.0/{number}/messages" for number in NUMBERS]
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        yield (
            Load(f"http://127.0.0.1:{bare}", paths, headers, BODY),
            Load(f"http://127.0.0.1:{data}", paths, headers, BODY),
        )


async def _set_up(admin_url: str) -> str:
    """Add the numbers over the admin API; return the app's key."""
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    async with aiohttp.ClientSession(admin_url, headers=headers, raise_for_status=True) as admin:
        pool = {"regime": "portfolio", "messaging_limit": None}
        await admin.post("/admin/v1/pools/400000000000001", json=pool)
        for index, number in enumerate(NUMBERS):
            await admin.post(
                "/admin/v1/numbers",
                json={
                    "phone_number_id": number,
                    "pool_id": "400000000000001",
                    "waba_id": "100000000000001",
                    "display_phone_number": f"+1 555-000-100{index}",
                    "throughput": 1_000_000,
                    "access_token": "EAAbenchmark",
                },
            )
        async with admin.post("/admin/v1/apps", json={"app_id": "bench", "name": "b"}) as answer:
            key: str = (await answer.json())["key"]
            return key
