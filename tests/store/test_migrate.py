import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from gateway.store.errors import StoreUnavailableError
from gateway.store.migrate import MigrationError, migrate, migrations_dir, pending
from tests.postgres import at_database


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
