import asyncio
import socket

import asyncpg
import pytest

from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from tests.outage import Server


async def test_a_statement_is_a_transaction_of_its_own(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("create table kept (n integer)")
        await connection.execute("insert into kept values (1)")
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute("select 1/0")
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from kept") == 1


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("create table kept (n integer)")

    async def fail() -> None:
        async with database.transaction() as connection:
            await connection.execute("insert into kept values (1)")
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from kept") == 0


async def test_a_connection_is_lent_clean_after_a_transaction_that_failed(
    database_url: str,
) -> None:
    database = await Database.open(database_url, connections=2)
    try:
        for _ in range(4):
            with pytest.raises(asyncpg.PostgresError):
                async with database.transaction() as connection:
                    await connection.execute("select 1/0")
        async with database.connection() as connection:
            assert not connection.is_in_transaction()
            assert await connection.fetchval("select 1") == 1
    finally:
        await database.close()


async def test_nobody_at_the_address_is_a_store_that_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(StoreUnavailableError):
            await Database.open(f"postgresql://gateway@127.0.0.1:{port}/gateway", timeout_s=2)


async def test_who_gets_no_connection_in_time_is_told(database_url: str) -> None:
    database = await Database.open(database_url, connections=2, timeout_s=0.2)
    try:
        async with database.connection(), database.connection():
            with pytest.raises(StoreUnavailableError, match="TimeoutError"):
                async with database.connection():
                    pass
        async with database.connection() as connection:
            assert await connection.fetchval("select 1") == 1
    finally:
        await database.close()


async def test_a_server_that_stops_and_starts_again_is_found_again(server: Server) -> None:
    database = await Database.open(server.url, timeout_s=5)
    try:
        async with database.connection() as connection:
            assert await connection.fetchval("select 1") == 1
        await server.stop()
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                async with database.connection() as connection:
                    await connection.fetchval("select 1")
        await server.start()
        async with database.connection() as connection:
            assert await connection.fetchval("select 1") == 1
    finally:
        database.terminate()


async def test_a_statement_in_flight_learns_that_the_server_stopped(server: Server) -> None:
    database = await Database.open(server.url, timeout_s=30)
    started = asyncio.Event()

    async def ask() -> None:
        async with database.connection() as connection:
            started.set()
            await connection.execute("select pg_sleep(30)")

    try:
        asking = asyncio.create_task(ask())
        await started.wait()
        await server.stop()
        with pytest.raises(StoreUnavailableError):
            await asking
    finally:
        database.terminate()
