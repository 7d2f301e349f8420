import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from structlog.testing import capture_logs

from gateway.store import listener as module
from gateway.store import quota
from gateway.store.database import Database
from gateway.store.listener import CHANNEL, Listener
from gateway.whatsapp.ids import PoolId, UserId
from tests.outage import Server
from tests.policy.making import DAY, NOW, POOL, SECOND_POOL
from tests.store.stocked import ANNA, BEN, Stock
from tests.world import until

Heard = asyncio.Queue[str | None]
LISTENERS: Final = (
    "select pid from pg_stat_activity where datname = current_database() and query ilike 'listen %'"
)
LOOKED: Final = (
    "select 1 from pg_stat_activity"
    " where datname = current_database() and query = 'select 1' and state = 'idle'"
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have who listens come back at once."""
    monkeypatch.setattr(module, "RETRY_S", 0.02)


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Heard]:
    """Lend what a listener hears, once it is there and has said that it may have missed some."""
    heard: Heard = asyncio.Queue()
    task = asyncio.create_task(Listener(url, heard.put_nowait, 20.0).run())
    try:
        assert await told(heard) is None
        yield heard
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert heard.empty()


async def told(heard: Heard) -> str | None:
    async with asyncio.timeout(20):
        return await heard.get()


async def touch(stock: Stock, *pool_ids: PoolId) -> None:
    async with stock.database.transaction() as connection:
        await quota.touch(connection, sorted(pool_ids))


async def test_a_pool_that_was_touched_is_heard_of(stock: Stock, database_url: str) -> None:
    async with listening(database_url) as heard:
        await touch(stock, POOL)
        assert await told(heard) == POOL
        await stock.add_pool(SECOND_POOL)
        assert await told(heard) == SECOND_POOL
        await touch(stock, POOL, SECOND_POOL)
        assert {await told(heard), await told(heard)} == {POOL, SECOND_POOL}


async def test_a_full_pool_that_has_room_again_is_heard_of_and_no_other(
    stock: Stock, database_url: str
) -> None:
    async with listening(database_url) as heard:
        await stock.add_pool(limit=2)
        assert await told(heard) == POOL
        for user in (ANNA, BEN):
            await stock.send(user, NOW)
        await free(stock, ANNA)
        assert await told(heard) == POOL
        await free(stock, BEN)
        await touch(stock, SECOND_POOL)
        await stock.add_pool(SECOND_POOL)
        assert await told(heard) == SECOND_POOL, "it had room before"


async def free(stock: Stock, user: UserId) -> None:
    """Give the slot of a user back."""
    await stock.fetch("update messages set state = 'refused' where user_id = $1", user)
    (row,) = await stock.fetch("select message_id from messages where user_id = $1", user)
    async with stock.database.transaction() as connection:
        await quota.release(connection, POOL, [row["message_id"]], NOW - DAY)


async def test_it_is_heard_of_when_it_is_true_and_not_before(
    stock: Stock, database_url: str
) -> None:
    async with listening(database_url) as heard:
        async with stock.database.transaction() as connection:
            await quota.touch(connection, [POOL])
            await touch(stock, SECOND_POOL)
            await stock.fetch("select pg_notify($1, 'a sign')", CHANNEL)
            assert await told(heard) == "a sign"
        assert await told(heard) == POOL


async def test_what_was_not_committed_is_not_heard_of(stock: Stock, database_url: str) -> None:
    async with listening(database_url) as heard:
        async with stock.database.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await quota.touch(connection, [POOL])
            await transaction.rollback()
        await stock.fetch("select pg_notify($1, 'a sign')", CHANNEL)
        assert await told(heard) == "a sign"


async def test_all_who_listen_hear(stock: Stock, database_url: str) -> None:
    async with listening(database_url) as one, listening(database_url) as other:
        await touch(stock, POOL)
        assert (await told(one), await told(other)) == (POOL, POOL)


async def test_who_is_cut_off_comes_back_and_says_that_something_may_have_been_missed(
    stock: Stock, database_url: str
) -> None:
    async with listening(database_url) as heard:
        for _ in range(3):
            (listener,) = await stock.fetch(LISTENERS)
            assert await stock.value("select pg_terminate_backend($1)", listener["pid"])
            assert await told(heard) is None
            await touch(stock, POOL)
            assert await told(heard) == POOL


async def test_who_has_heard_nothing_for_long_makes_sure_that_somebody_is_there(
    database_url: str, stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    async with listening(database_url) as heard:
        await until(lambda: stock.fetch(LOOKED), "a look")
        await touch(stock, POOL)
        assert await told(heard) == POOL


async def test_while_the_database_is_away_nothing_is_heard_and_then_everything_is(
    server: Server,
) -> None:
    database = await Database.open(server.url, timeout_s=5)
    try:
        async with listening(server.url) as heard:
            await server.stop()
            await server.start()
            assert await told(heard) is None
            stock = Stock(database)
            await stock.add_pool()
            assert await told(heard) == POOL
    finally:
        database.terminate()


async def test_a_database_that_was_never_there_is_waited_for(server: Server) -> None:
    await server.stop()
    heard: Heard = asyncio.Queue()
    with capture_logs() as warnings:
        task = asyncio.create_task(Listener(server.url, heard.put_nowait, 20.0).run())
        await until(lambda: _true(len(warnings) > 1), "two attempts")
    assert heard.empty()
    await server.start()
    assert await told(heard) is None
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_it_leaves_no_connection_behind(stock: Stock, database_url: str) -> None:
    async with listening(database_url):
        assert len(await stock.fetch(LISTENERS)) == 1
    await until(lambda: _nobody_listens(stock), "its end")


async def _nobody_listens(stock: Stock) -> bool:
    return not await stock.fetch(LISTENERS)


async def _true(found: bool) -> bool:  # noqa: FBT001 - a condition for `until`
    return found
