import os
from collections.abc import AsyncIterator

import asyncpg
import pytest

from gateway.store.migrate import migrations_dir, pending
from tests.cli.command import Run
from tests.postgres import at_database


@pytest.fixture
async def empty_url(postgres_url: str) -> AsyncIterator[str]:
    """Return the address of a database without any table."""
    name = f"empty_{os.getpid()}"
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE DATABASE {name}")
    yield at_database(postgres_url, name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def test_it_applies_what_is_missing_and_then_has_nothing_to_do(
    run: Run, empty_url: str
) -> None:
    names = sorted(file.name for file in migrations_dir().glob("[0-9]*.sql"))
    first = await run("migrate", database_url=empty_url)
    assert (first.code, first.err) == (0, "")
    assert first.out.splitlines() == [f"applied {name}" for name in names]
    assert await pending(empty_url) == []
    second = await run("migrate", database_url=empty_url)
    assert (second.code, second.out, second.err) == (0, "nothing to do\n", "")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://gateway:made-up-secret@127.0.0.1:1/x", "database: "),
        ("mysql://gateway:made-up-secret@127.0.0.1/x", "must start with postgresql://"),
        ("postgresql://gateway:made-up-secret@127.0.0.1:port/x", "DATABASE_URL"),
    ],
)
async def test_a_database_that_cannot_be_reached_is_one_line_without_the_password(
    run: Run, url: str, says: str
) -> None:
    done = await run("migrate", database_url=url)
    assert (done.code, done.out) == (1, "")
    assert done.line.startswith("gateway: ")
    assert says in done.line
    assert "made-up-secret" not in done.line


async def test_a_database_that_does_not_exist_is_one_line(run: Run, database_url: str) -> None:
    done = await run("migrate", database_url=at_database(database_url, "not_there"))
    assert (done.code, "does not exist" in done.line) == (1, True)


async def test_a_file_that_was_changed_afterwards_is_one_line(run: Run, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("update schema_migrations set sha256 = 'another'")
    await connection.close()
    done = await run("migrate", database_url=database_url)
    assert (done.code, "was changed after" in done.line) == (1, True)
