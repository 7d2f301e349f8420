"""Gives tests a database with one pool of two numbers, and short ways to write and look there."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

import orjson
import pytest

from gateway.policy.fold import Folded, Slot
from gateway.policy.parcel import RANKS
from gateway.policy.send_class import SendClass
from gateway.store import facts, numbers, outbox, pools, quota
from gateway.store.database import Database
from gateway.store.facts import PoolVersion
from gateway.store.message_ids import MessageIds
from gateway.store.numbers import NumberSettings
from gateway.store.outbox import ParkedRow
from gateway.store.pools import LimitSource, PoolSettings
from gateway.store.quota import BatchRows, JournalRow
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId, WabaId
from gateway.whatsapp.number import Regime
from tests.policy.making import DAY, KEY, NOW, NUMBER, POOL, SECOND_NUMBER, WABA, candidate

ANNA: Final = UserId("34600000001")
BEN: Final = UserId("34600000002")
CARLA: Final = UserId("34600000003")
EARLY: Final = NOW - 30 * DAY
"""When everything was set up: before anything that a test lets happen."""


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the hour it was set to."""
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move ahead."""
        self.at += by


@dataclass
class Stock:
    """A database, stocked; every statement on its own connection."""

    database: Database
    ids: MessageIds = field(default_factory=lambda: MessageIds(Random(1)))  # noqa: S311 - ids

    async def fetch(self, sql: str, *parameters: Any) -> list[Mapping[str, Any]]:
        """Run a query."""
        async with self.database.connection() as connection:
            rows: list[Mapping[str, Any]] = await connection.fetch(sql, *parameters)
            return rows

    async def value(self, sql: str, *parameters: Any) -> Any:
        """Run a query for one value."""
        async with self.database.connection() as connection:
            return await connection.fetchval(sql, *parameters)

    async def waiting_for_a_lock(self, how_many: int) -> None:
        """Return when so many others wait for a lock in this database."""
        async with asyncio.timeout(20):
            while how_many > await self.value(
                "select count(*) from pg_stat_activity"
                " where datname = current_database() and wait_event_type = 'Lock'"
            ):
                pass

    async def add_pool(
        self,
        pool_id: PoolId = POOL,
        limit: int = 100,
        regime: Regime = Regime.PORTFOLIO,
        headroom: float = 0.0,
    ) -> None:
        """Add a pool, or change its limit as Meta would."""
        async with self.database.transaction() as connection:
            settings = PoolSettings(pool_id, regime, limit, headroom)
            await pools.put(connection, settings, EARLY, LimitSource.META)
            await quota.touch(connection, [pool_id])

    async def add_number(
        self, number: PhoneNumberId, pool_id: PoolId = POOL, waba_id: WabaId = WABA
    ) -> None:
        """Add a connected number, or move it."""
        display = f"+1 555-{number[-7:-4]}-{number[-4:]}"
        before = await self.value("select pool_id from numbers where phone_number_id = $1", number)
        async with self.database.transaction() as connection:
            await numbers.put(
                connection, NumberSettings(number, pool_id, waba_id, display, 80), EARLY
            )
            await quota.touch(connection, sorted({pool_id, before or pool_id}))

    async def add_template(self, **changes: Any) -> None:
        """Add the template that messages of tests are of, or change it; approved, for utility."""
        plain = {"category": "UTILITY", "status": "APPROVED", "paused_until": None, "ttl_s": None}
        columns = plain | changes
        async with self.database.transaction() as connection:
            await connection.execute(
                "insert into templates (waba_id, name, language, category, category_at, status,"
                " status_at, paused_until, ttl_s) values ($1, $2, $3, $4, $8, $5, $8, $6, $7)"
                " on conflict (waba_id, name, language) do update set category = $4, status = $5,"
                " paused_until = $6, ttl_s = $7",
                WABA,
                *KEY,
                *columns.values(),
                EARLY,
            )
            await quota.touch(connection, [POOL])

    async def version(self, pool_id: PoolId = POOL) -> PoolVersion:
        """Return how the pool stands."""
        async with self.database.connection() as connection:
            hot = await facts.load_hot(connection, [candidate(pool_id=pool_id)], NOW)
        return hot.pools[pool_id]

    async def send(
        self,
        user: UserId,
        at: datetime,
        *,
        business_initiated: bool = True,
        send_class: SendClass = SendClass.UTILITY,
        **changes: Any,
    ) -> UUID:
        """Write an admitted message the way the desk does; return its id."""
        pool_id = changes.get("pool_id", POOL)
        row = journal_row(self.ids.new(at), user, at, **changes)
        contact = (pool_id, row.phone_number_id, user)
        folded = Folded(at, at - DAY, pair_tats={contact: at})
        if business_initiated:
            seen = await self.value(
                "select 1 from ledger where pool_id = $1 and user_id = $2", pool_id, user
            )
            folded.reached[pool_id, user] = Slot(at, send_class, row.app_id)
            folded.added[pool_id] = 0 if seen else 1
        else:
            row = row._replace(business_initiated=False, hold=None)
        version = await self.version(pool_id)
        async with self.database.connection() as connection:
            written = await write_batch(connection, {pool_id: version}, folded, [row], {})
        assert written == {pool_id}
        return row.message_id

    async def state(self, message_id: UUID, state: str, hold: str | None = None) -> None:
        """Put a message into a state, as a status or an answer would."""
        await self.fetch(
            "update messages set state = $2, hold = coalesce($3, hold) where message_id = $1",
            message_id,
            state,
            hold,
        )

    async def admitted(self, message_id: UUID, at: datetime) -> None:
        """Have a message been parked, and admitted at an hour."""
        await self.fetch(
            "update messages set decided_at = $2 where message_id = $1", message_id, at
        )

    async def sending(self, message_id: UUID, attempts: int) -> None:
        """Have a message been parked, and be on its way for the nth time."""
        await self.fetch(
            "insert into outbox (pool_id, message_id, phone_number_id, waba_id, user_id, app_id,"
            " send_class, rank, path, sealed, resends, state, due_at, expires_at, attempts,"
            " parked_at)"
            " select pool_id, message_id, phone_number_id, $2, user_id, app_id, 'utility', 2, '/',"
            " '', false, 'sending', created_at, created_at + interval '1 day', $3, created_at"
            " from messages where message_id = $1",
            message_id,
            WABA,
            attempts,
        )

    async def park(self, user: UserId = ANNA, at: datetime = NOW, **changes: Any) -> UUID:
        """Park a message of which nothing was decided, due at once for a day; return its id."""
        row = parked_row(self.ids.new(at), user, at, **changes)
        async with self.database.connection() as connection:
            await outbox.park(connection, [row])
        return row.message_id

    async def parcel(self, message_id: UUID) -> Mapping[str, Any] | None:
        """Return a message's row of the outbox, None if there is none."""
        rows = await self.fetch("select * from outbox where message_id = $1", message_id)
        return rows[0] if rows else None

    async def message(self, message_id: UUID) -> Mapping[str, Any]:
        """Return a message's row of the journal."""
        (row,) = await self.fetch("select * from messages where message_id = $1", message_id)
        return row

    async def ledger(self, pool_id: PoolId = POOL) -> dict[str, datetime]:
        """Return who was reached when, having checked that what the pool counts is true."""
        rows = await self.fetch(
            "select user_id, reached_at, class, app_id from ledger where pool_id = $1", pool_id
        )
        counted = await self.value("select counted from pools where pool_id = $1", pool_id)
        assert counted == len(rows)
        accounts: Counter[str] = Counter()
        for row in rows:
            accounts.update((f"class:{row['class']}", f"app:{row['app_id']}"))
        assert await self.usage(pool_id) == accounts
        return {row["user_id"]: row["reached_at"] for row in rows}

    async def usage(self, pool_id: PoolId = POOL) -> dict[str, int]:
        """Return the slots that each class and each app holds, if any."""
        rows = await self.fetch(
            "select holder, counted from pool_usage where pool_id = $1 and counted <> 0", pool_id
        )
        return {row["holder"]: row["counted"] for row in rows}

    async def accounts(self, pool_id: PoolId = POOL) -> dict[str, tuple[str, str]]:
        """Return on whose account each user's slot is: a class and an app."""
        rows = await self.fetch(
            "select user_id, class, app_id from ledger where pool_id = $1", pool_id
        )
        return {row["user_id"]: (row["class"], row["app_id"]) for row in rows}

    async def number(self, number: PhoneNumberId = NUMBER) -> numbers.NumberRow:
        """Return where a number stands."""
        async with self.database.connection() as connection:
            return await numbers.get(connection, number)

    async def share(self, shares: Mapping[str, Mapping[str, float]]) -> None:
        """Divide the pool."""
        written = orjson.dumps(shares).decode()
        await self.fetch("update pools set shares = $2 where pool_id = $1", POOL, written)
        async with self.database.transaction() as connection:
            await quota.touch(connection, [POOL])

    async def change_number(self, number: PhoneNumberId = NUMBER, **changes: Any) -> None:
        """Set columns of a number."""
        for column, new in changes.items():
            await self.fetch(
                f"update numbers set {column} = $2 where phone_number_id = $1",  # noqa: S608
                number,
                new,
            )
        async with self.database.transaction() as connection:
            await quota.touch(connection, [POOL])


async def write_batch(
    connection: Any,
    seen: Mapping[PoolId, PoolVersion],
    folded: Folded,
    journal: Sequence[JournalRow],
    number_pools: Mapping[PhoneNumberId, PoolId],
) -> set[PoolId]:
    """Write a folded batch without parcels; return the pools that were written."""
    rows = BatchRows(journal)
    return (await quota.reserve(connection, seen, folded, rows, number_pools)).pools


def journal_row(message_id: UUID, user: UserId, at: datetime, **changes: Any) -> JournalRow:
    """Make the journal's row of an admitted template message."""
    plain = JournalRow(
        pool_id=POOL,
        message_id=message_id,
        created_at=at,
        app_id="shop",
        phone_number_id=NUMBER,
        user_id=user,
        type="template",
        template_name="order_update",
        template_language="en_US",
        category="UTILITY",
        business_initiated=True,
        decision="admit",
        rule=None,
        retry_at=None,
        objections=None,
        state="reserved",
        hold="reserved",
        correlated=True,
        code=None,
        detail=None,
    )
    return plain._replace(**changes)


def parked_row(message_id: UUID, user: UserId, at: datetime, /, **changes: Any) -> ParkedRow:
    """Make the rows of a parked template message; `send_class` brings its rank."""
    send_class = changes.get("send_class", SendClass.UTILITY)
    plain = ParkedRow(
        pool_id=POOL,
        message_id=message_id,
        phone_number_id=NUMBER,
        waba_id=WABA,
        user_id=user,
        app_id="shop",
        send_class=send_class,
        rank=RANKS[send_class],
        path="/v25.0/1/messages",
        sealed=b"sealed",
        resends=False,
        due_at=at,
        expires_at=at + DAY,
        rule="throughput",
        detail="the line is long",
        parked_at=at,
        type="template",
        template_name="order_update",
        template_language="en_US",
        category="UTILITY",
        code=None,
        correlated=True,
    )
    return plain._replace(**changes)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Return an open database, all tables empty."""
    opened = await Database.open(database_url, connections=8, timeout_s=20)
    yield opened
    opened.terminate()


@pytest.fixture
async def stock(database: Database) -> Stock:
    """Return a database with a pool of 100 users a day and two numbers of one WABA."""
    stocked = Stock(database)
    await stocked.add_pool()
    for number in (NUMBER, SECOND_NUMBER):
        await stocked.add_number(number)
    return stocked
