"""Doubts that the version before writes are followed too, whenever and however it writes them."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest

from gateway.store import doubts
from gateway.store.migrate import migrate, migrations_dir
from tests.policy.making import NOW, NUMBER, POOL
from tests.postgres import at_database
from tests.store.stocked import Stock

MINUTE: Final = timedelta(minutes=1)
RESERVED: Final = """
insert into messages (
    pool_id, message_id, created_at, app_id, phone_number_id, user_id, type, business_initiated,
    decision, state, correlated
)
values ($1, $2, $3, 'shop', $4, '34600000001', 'template', true, 'admit', 'reserved', true)
"""
DOUBTED: Final = "update messages set state = 'in_doubt' where message_id = $1"
"""What version 0.1.0 does to what was never answered: it says nothing of when."""


@pytest.fixture
async def empty_url(postgres_url: str, database_url: str) -> AsyncIterator[str]:
    name = urlsplit(database_url).path[1:] + "_empty"
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        yield at_database(postgres_url, name)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


async def test_a_doubt_that_is_written_during_the_migration_is_followed(
    empty_url: str, tmp_path: Path
) -> None:
    for file in sorted(migrations_dir().glob("000[1-4]_*.sql")):
        shutil.copy(file, tmp_path)
    await migrate(empty_url, tmp_path)
    message_id = UUID(int=1)
    old: Any = await asyncpg.connect(empty_url)
    try:
        await old.execute(RESERVED, POOL, message_id, NOW, NUMBER)
        writing = old.transaction()
        await writing.start()
        await old.execute(DOUBTED, message_id)
        migrating = asyncio.create_task(migrate(empty_url))
        await waiting_for_a_lock(empty_url)
        await writing.commit()
        await migrating
        assert await old.fetchval("select message_id from doubts") == message_id
    finally:
        await old.close()


async def waiting_for_a_lock(url: str) -> None:
    connection: Any = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(20):
            while not await connection.fetchval(
                "select exists (select from pg_stat_activity"
                " where datname = current_database() and wait_event_type = 'Lock')"
            ):
                pass
    finally:
        await connection.close()


async def test_the_version_before_cannot_end_the_doubt_of_what_has_just_left(stock: Stock) -> None:
    """It takes the age of what was parked for the time since it left, and doubts it on its way."""
    message_id = await stock.park(at=NOW)
    await stock.fetch("update messages set state = 'reserved' where message_id = $1", message_id)
    await stock.fetch("update outbox set state = 'sending', attempts = 1")
    await stock.admitted(message_id, NOW + 2 * MINUTE)
    await stock.fetch(DOUBTED, message_id)
    now = NOW + 2 * MINUTE + timedelta(seconds=1)
    async with stock.database.transaction() as connection:
        assert await doubts.give_up(connection, now - 2 * MINUTE, now, 9) == []
