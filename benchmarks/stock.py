"""Stocks an outbox with very many messages, straight into the database."""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import asyncpg

from benchmarks import stage
from benchmarks.harness import Load
from gateway.clock import SystemClock
from gateway.outbound.contents import Contents, pack
from gateway.policy.parcel import RANKS
from gateway.policy.send_class import SendClass
from gateway.store.vault import Vault

AT_ONCE: Final = 100_000
_DAY: Final = timedelta(days=1)
_PARK: Final = """
with parked as (
    select uuidv7() as message_id, '34' || (700000000 + n) as user_id,
        ($3::text[])[1 + n % cardinality($3::text[])] as phone_number_id
    from generate_series($11::integer, $11 + $12::integer - 1) n
),
journal as (
    insert into messages (
        pool_id, message_id, created_at, app_id, phone_number_id, user_id, type, template_name,
        template_language, business_initiated, decision, retry_at, state, correlated
    )
    select $1, message_id, $8, $4, phone_number_id, user_id, 'template', 'order_update', 'en_US',
        false, 'defer', $9, 'parked', false
    from parked
)
insert into outbox (
    pool_id, message_id, phone_number_id, waba_id, user_id, app_id, send_class, rank, path, sealed,
    resends, state, due_at, expires_at, parked_at
)
select $1, message_id, phone_number_id, $2, user_id, $4, $5, $6, '/v25.0/' || phone_number_id
    || '/messages', $7, false, 'parked', $9, $10, $8
from parked
"""
_FILL: Final = """
with reached as (
    insert into ledger (pool_id, user_id, reached_at, class, app_id)
    select $1, '34' || (600000000 + n), $2, 'other', $3 from generate_series(1, $4::integer) n
    returning 1
)
update pools set counted = (select count(*) from reached) where pool_id = $1
"""
_WINDOWS: Final = """
insert into contacts (pool_id, phone_number_id, user_id, last_inbound_at)
select pool_id, phone_number_id, user_id, $1
from outbox
where state = 'parked' and leased_until is null and due_at = $2
    and phone_number_id = any($3) and rank = $4 and app_id = $5 and topic = ''
"""


class Waiting(NamedTuple):
    """So many messages of a class, due so long from now."""

    messages: int
    send_class: SendClass
    due_in: timedelta


async def park(connection: Any, load: Load, waiting: Waiting) -> None:
    """Park templates to users of their own, over all numbers; says how far it is."""
    now = SystemClock().now()
    body = load.body.replace("%s", "34700000000").encode()
    headers = [(name, value) for name, value in load.headers.items() if name != "Authorization"]
    sealed = pack(Contents(body, headers, None), Vault(stage.ADMIN_KEY))
    of_class = (waiting.send_class, RANKS[waiting.send_class])
    hours = (now, now + waiting.due_in, now + _DAY)
    who = (stage.PORTFOLIO, stage.WABA, list(stage.NUMBERS), stage.APP)
    for start in range(0, waiting.messages, AT_ONCE):
        count = min(AT_ONCE, waiting.messages - start)
        await connection.execute(_PARK, *who, *of_class, sealed, *hours, start, count)
        print(f"  stocked {start + count:,}", end="\r", flush=True)
    await connection.execute("analyze outbox, messages")
    print()


async def fill(connection: Any, users: int) -> None:
    """Have so many users counted, so that a limit is full."""
    now = SystemClock().now()
    await connection.execute(_FILL, stage.PORTFOLIO, now, stage.APP, users)


async def open_windows(connection: Any, due_at: datetime) -> None:
    """Have everybody write to whom a reply is parked that is due at an hour."""
    group = (list(stage.NUMBERS), RANKS[SendClass.REPLY], stage.APP)
    await connection.execute(_WINDOWS, SystemClock().now(), due_at, *group)


async def connect(database_url: str) -> Any:
    """Return a connection that may take its time."""
    return await asyncpg.connect(database_url, command_timeout=None)
