import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from gateway.store.errors import StoreUnavailableError
from gateway.store.migrate import MigrationError, migrate, migrations_dir, pending
from tests.postgres import at_database
from tests.store import version_0_1


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("create table first (n integer);")
    (tmp_path / "0002_second.sql").write_text(
        "create table second (n integer); insert into second values (1);"
    )
    (tmp_path / "notes.sql").write_text("this is no migration")
    return tmp_path


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "select tablename from pg_tables where schemaname = current_schema()"
        )
    finally:
        await connection.close()
    return {row["tablename"] for row in rows}


async def test_every_migration_is_applied_in_order_and_once(empty_url: str, folder: Path) -> None:
    assert await migrate(empty_url, folder) == ["0001_first.sql", "0002_second.sql"]
    assert await migrate(empty_url, folder) == []
    assert await tables(empty_url) == {"first", "second", "schema_migrations"}


async def test_only_what_is_new_is_applied(empty_url: str, folder: Path) -> None:
    await migrate(empty_url, folder)
    (folder / "0003_third.sql").write_text("create table third (n integer);")
    assert await migrate(empty_url, folder) == ["0003_third.sql"]


async def test_a_file_that_was_changed_stops_everything(empty_url: str, folder: Path) -> None:
    await migrate(empty_url, folder)
    (folder / "0001_first.sql").write_text("create table first (n bigint);")
    (folder / "0003_third.sql").write_text("create table third (n integer);")
    with pytest.raises(MigrationError, match=r"0001_first\.sql was changed"):
        await migrate(empty_url, folder)
    assert "third" not in await tables(empty_url)


async def test_a_file_that_fails_leaves_nothing_and_can_be_mended(
    empty_url: str, folder: Path
) -> None:
    second = folder / "0002_second.sql"
    second.write_text("create table second (n integer); select 1/0;")
    with pytest.raises(asyncpg.PostgresError):
        await migrate(empty_url, folder)
    assert await tables(empty_url) == {"first", "schema_migrations"}
    second.write_text("create table second (n integer);")
    assert await migrate(empty_url, folder) == ["0002_second.sql"]


async def test_of_many_at_once_one_works(empty_url: str, folder: Path) -> None:
    done = await asyncio.gather(*(migrate(empty_url, folder) for _ in range(5)))
    assert sorted(map(len, done)) == [0, 0, 0, 0, 2]


async def test_what_is_pending_is_told_without_changing_anything(empty_url: str) -> None:
    names = sorted(file.name for file in migrations_dir().glob("[0-9]*.sql"))
    assert await pending(empty_url) == names
    assert await tables(empty_url) == set()
    assert await migrate(empty_url) == names
    assert await pending(empty_url) == []


async def test_a_folder_without_migrations_is_a_mistake(empty_url: str, tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="no migrations found"):
        await migrate(empty_url, tmp_path / "nothing")


async def test_a_database_that_does_not_exist_is_unavailable(postgres_url: str) -> None:
    nowhere = at_database(postgres_url, "no_such_database")
    with pytest.raises(StoreUnavailableError):
        await migrate(nowhere)
    with pytest.raises(StoreUnavailableError):
        await pending(nowhere)


async def test_limits_of_nobody_and_negative_counts_cannot_be_stored(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        for limit, headroom in ((0, 0.05), (-1, 0.05), (250, 1.0), (250, -0.1)):
            with pytest.raises(asyncpg.CheckViolationError):
                await connection.execute(
                    "insert into pools (pool_id, regime, messaging_limit, limit_source, limit_at,"
                    " headroom, created_at) values ('p', 'portfolio', $1, 'meta', '2026-11-23', $2,"
                    " '2026-11-23')",
                    limit,
                    headroom,
                )
    finally:
        await connection.close()


COLUMNS = """
select table_name, column_name, udt_name, is_nullable = 'YES' as nullable,
    column_default is not null or is_identity = 'YES' as filled
from information_schema.columns
where table_schema = current_schema() and table_name <> 'schema_migrations'
"""
KEYS = """
select conrelid::regclass::text as table_name, pg_get_constraintdef(oid) as definition
from pg_constraint
where contype in ('p', 'u', 'f') and connamespace = current_schema()::regnamespace
union all
select tablename, indexdef from pg_indexes
where schemaname = current_schema() and indexdef like 'CREATE UNIQUE%'
"""


@pytest.fixture
async def before(empty_url: str, tmp_path: Path) -> AsyncIterator[Any]:
    """Return a connection to a database with the schema of the version that was released."""
    shutil.copy(migrations_dir() / "0001_house.sql", tmp_path)
    await migrate(empty_url, tmp_path)
    connection = await asyncpg.connect(empty_url)
    yield connection
    await connection.close()


@pytest.fixture
async def after(database_url: str) -> AsyncIterator[Any]:
    """Return a connection to a database with all migrations."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def columns(connection: Any) -> dict[tuple[str, str], tuple[str, bool, bool]]:
    """Return type, whether it may be null, and whether it fills itself, of every column."""
    found = await connection.fetch(COLUMNS)
    return {(table, column): (kind, null, fills) for table, column, kind, null, fills in found}


async def test_migrations_only_add_to_what_the_version_before_knows(
    before: Any, after: Any
) -> None:
    old, new = await columns(before), await columns(after)
    assert {name: new.get(name) for name in old} == old
    known = {table for table, _ in old}
    needed = [
        name
        for name, (_, nullable, fills) in new.items()
        if name[0] in known and name not in old and not (nullable or fills)
    ]
    assert needed == [], "a row the version before writes would be refused"
    keys = [
        {(table, rule) for table, rule in await connection.fetch(KEYS) if table in known}
        for connection in (before, after)
    ]
    assert keys[1] == keys[0]


async def test_the_version_before_lives_as_well_with_the_schema_of_the_next(
    before: Any, after: Any
) -> None:
    """A rolling upgrade migrates first: until its last process has gone, both write."""
    written = []
    for connection in (before, after):
        for statement in version_0_1.SQL.values():
            await connection.prepare(statement)
        await version_0_1.live(connection)
        written.append(
            {
                name: await connection.fetch(f"select {name[1]} from {name[0]}")  # noqa: S608
                for name in await columns(before)
            }
        )
    assert written[1] == written[0]
    touched = {table for (table, _), found in written[0].items() if found}
    assert {"pools", "ledger", "messages", "contacts", "inbox"} <= touched
    held = "select coalesce(sum(counted), 0) from pool_usage where holder = 'class:other'"
    counted = await after.fetchval("select counted from pools")
    assert await after.fetchval(held) == counted, "what it takes is on an account all the same"
