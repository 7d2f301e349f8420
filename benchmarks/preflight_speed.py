"""Tells how long a campaign owner waits for the plan of a large campaign.

100,000 recipients, uploaded as CSV, against a pool of 10,000 of which half is counted, and half of
those are on the list. The whole endpoint over a socket, with PostgreSQL; then a million.
"""

import asyncio
import time
from contextlib import ExitStack
from typing import Any, Final

import aiohttp
import asyncpg

from benchmarks import stage
from benchmarks.furnish import furnish
from benchmarks.harness import median
from gateway.clock import SystemClock

BAR_S: Final = 2.0
RECIPIENTS: Final = 100_000
MILLION: Final = 1_000_000
LIMIT: Final = 10_000
COUNTED: Final = 5_000
LISTED: Final = 2_500
POOL: Final = "400000000000002"
NUMBER: Final = {
    "phone_number_id": "200000000000009",
    "waba_id": stage.WABA,
    "pool_id": POOL,
    "display_phone_number": "+34 600 000 000",
}
QUESTION: Final = {"pool_id": POOL, "category": "marketing"}
SEED: Final = """
with counted as (
    insert into ledger (pool_id, user_id, reached_at, class, app_id)
    select $1, '34' || (700000000 + n), $2::timestamptz - n * interval '10 seconds',
        'marketing', 'app'
    from generate_series(0, $3::integer - 1) n
    returning 1
)
update pools set counted = (select count(*) from counted) where pool_id = $1
"""


def run(rounds: int, _seconds: float) -> None:
    """Ask for the plan so many times, once for the million, and print the report."""
    with ExitStack() as stack:
        served = stage.served(stack, stage.sink(stack))
        asyncio.run(_fill(served))
        took = [asyncio.run(_ask(served.admin_url, RECIPIENTS)) for _ in range(rounds)]
        million = asyncio.run(_ask(served.admin_url, MILLION))
    seconds = median(took)
    shown = " ".join(f"{each:.2f}" for each in took)
    print(f"preflight_speed: {RECIPIENTS:,} recipients, a pool of {LIMIT:,}, {COUNTED:,} counted")
    print(
        f"{seconds:.2f} s (bar {BAR_S:.1f} s; rounds {shown}), "
        f"{RECIPIENTS / seconds:,.0f} recipients/s; {MILLION:,} in {million:.1f} s"
    )


async def _fill(served: stage.Served) -> None:
    pools = {POOL: {"regime": "portfolio", "messaging_limit": LIMIT}}
    await furnish(served.admin_url, stage.ADMIN_KEY, pools, [NUMBER])
    connection = await asyncpg.connect(served.database_url)
    try:
        await connection.execute(SEED, POOL, SystemClock().now(), COUNTED)
    finally:
        await connection.close()


async def _ask(admin_url: str, recipients: int) -> float:
    """Return the seconds from the first byte of the list to the last of the plan."""
    first = COUNTED - LISTED
    lines = [f"+34{700_000_000 + first + n},somebody,{n}" for n in range(recipients)]
    body = "\n".join(["phone,name,row", *lines]).encode()
    headers = {"Authorization": f"Bearer {stage.ADMIN_KEY}", "Content-Type": "text/csv"}
    timeout = aiohttp.ClientTimeout(total=300)
    async with aiohttp.ClientSession(admin_url, headers=headers, timeout=timeout) as session:
        started_at = time.perf_counter()
        async with session.post(
            "/admin/v1/preflight", params=QUESTION, data=_chunks(body)
        ) as answer:
            found: dict[str, Any] = await answer.json()
        took = time.perf_counter() - started_at
    assert (found["counted"], found["new"]) == (LISTED, recipients - LISTED), found
    return took


async def _chunks(body: bytes) -> Any:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]
