from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest


@pytest.mark.parametrize("turn", [1, 2])
async def test_every_test_gets_a_migrated_database_of_its_own(database_url: str, turn: int) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM schema_migrations") > 0
        await connection.execute("CREATE TABLE mine AS SELECT $1::int AS turn", turn)
        assert await connection.fetchval("SELECT turn FROM mine") == turn
    finally:
        await connection.close()


@pytest.fixture
def left_open() -> Iterator[list[asyncpg.Connection]]:
    """Keep connections open until after the database of the test is gone."""
    connections: list[asyncpg.Connection] = []
    yield connections
    for connection in connections:
        connection.terminate()


@pytest.fixture
async def database_after_use(postgres_url: str) -> AsyncIterator[list[str]]:
    """Check, once the test's database should be gone, that the ones named here are."""
    names: list[str] = []
    yield names
    connection = await asyncpg.connect(postgres_url)
    try:
        found = await connection.fetch("SELECT datname FROM pg_database")
    finally:
        await connection.close()
    assert names
    assert not {row["datname"] for row in found} & set(names)


async def test_a_database_goes_with_its_test_even_when_somebody_is_still_connected(
    left_open: list[asyncpg.Connection], database_after_use: list[str], database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    left_open.append(connection)
    database_after_use.append(await connection.fetchval("SELECT current_database()"))
