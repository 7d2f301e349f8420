from collections.abc import Mapping
from typing import Any

import asyncpg
import orjson
import pytest

from gateway.store import pools, quota
from gateway.store.errors import UnknownPoolError
from gateway.store.pools import LimitSource, PoolChange, PoolSettings
from gateway.whatsapp.ids import PoolId
from gateway.whatsapp.number import UNLIMITED, Regime
from tests.policy.making import HOUR, INSTANT, NOW, POOL, SECOND_POOL
from tests.store.stocked import ANNA, BEN, Stock

OPERATOR, META, READING = LimitSource.OPERATOR, LimitSource.META, LimitSource.READING


async def put(stock: Stock, limit: int, source: LimitSource) -> None:
    async with stock.database.transaction() as connection:
        settings = PoolSettings(POOL, Regime.PORTFOLIO, limit, 0.05)
        await pools.put(connection, settings, NOW, source)


async def hear(stock: Stock, limit: int, source: LimitSource, at: object = NOW) -> bool:
    async with stock.database.connection() as connection:
        return await pools.set_limit(connection, POOL, limit, source, at)  # type: ignore[arg-type]


async def row_of(stock: Stock) -> Mapping[str, Any]:
    async with stock.database.connection() as connection:
        return await pools.get(connection, POOL)


async def limit_of(stock: Stock) -> int:
    limit: int = (await row_of(stock))["messaging_limit"]
    return limit


async def test_a_pool_is_added_and_changed_and_keeps_its_count(stock: Stock) -> None:
    await stock.send(ANNA, NOW)
    await put(stock, 2000, OPERATOR)
    async with stock.database.connection() as connection:
        row = await pools.get(connection, POOL)
    assert (row["messaging_limit"], row["headroom"], row["counted"]) == (2000, 0.05, 1)


async def test_an_unknown_pool_is_said_to_be_unknown(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        with pytest.raises(UnknownPoolError, match="300000000000009"):
            await pools.get(connection, PoolId("300000000000009"))


async def test_all_pools_are_listed(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    async with stock.database.connection() as connection:
        assert [row["pool_id"] for row in await pools.get_all(connection)] == [POOL, SECOND_POOL]


@pytest.mark.parametrize("operator", [250, 1000])
@pytest.mark.parametrize(
    ("source", "meta", "after"),
    [
        (META, 2000, 2000),
        (META, 50, 50),
        (READING, 50, 50),
        (LimitSource.FLAGGED, 50, 50),
        (OPERATOR, 2000, 2000),
    ],
)
async def test_the_later_word_wins(
    stock: Stock, operator: int, source: LimitSource, meta: int, after: int
) -> None:
    await put(stock, operator, OPERATOR)
    assert await hear(stock, meta, source, NOW + HOUR)
    assert await limit_of(stock) == after


async def test_a_reading_does_not_lift_what_an_operator_has_set_below_it(stock: Stock) -> None:
    await put(stock, 250, OPERATOR)
    assert not await hear(stock, 2000, READING, NOW + HOUR)
    assert await limit_of(stock) == 250


async def test_a_reading_lifts_what_meta_has_said_itself(stock: Stock) -> None:
    await put(stock, 250, META)
    assert await hear(stock, 2000, READING, NOW + HOUR)
    assert await limit_of(stock) == 2000


async def test_meta_repeating_an_operators_limit_does_not_make_it_metas(stock: Stock) -> None:
    await put(stock, 250, OPERATOR)
    assert not await hear(stock, 250, META, NOW + HOUR)
    assert not await hear(stock, 2000, READING, NOW + 2 * HOUR)
    assert await limit_of(stock) == 250


async def test_an_older_word_changes_nothing(stock: Stock) -> None:
    await put(stock, 1000, META)
    for source in LimitSource:
        assert not await hear(stock, 250, source, NOW - INSTANT)
    assert await limit_of(stock) == 1000


@pytest.mark.parametrize("turned", [False, True])
async def test_two_words_in_either_order_end_the_same(stock: Stock, turned: bool) -> None:  # noqa: FBT001
    await put(stock, 1000, META)
    words = [(250, NOW + HOUR), (1000, NOW + 2 * HOUR)]
    for limit, at in reversed(words) if turned else words:
        await hear(stock, limit, META, at)
    assert await limit_of(stock) == 1000


async def test_a_reading_without_news_does_not_outdate_a_webhook_on_its_way(stock: Stock) -> None:
    await put(stock, 1000, META)
    assert not await hear(stock, 1000, READING, NOW + 2 * HOUR)
    assert await hear(stock, 250, META, NOW + HOUR)


async def test_unlimited_is_a_limit_like_others(stock: Stock) -> None:
    assert await hear(stock, UNLIMITED, META)
    assert await limit_of(stock) == UNLIMITED


async def test_an_operator_changes_what_is_named_and_nothing_else(stock: Stock) -> None:
    await stock.send(ANNA, NOW)
    later = NOW + HOUR
    changes = {
        "regime": Regime.PER_NUMBER,
        "headroom": 0.1,
        "knobs": {"pair_capacity": 5},
        "shares": {"app:shop": {"reserve": 0.2}},
    }
    for name, value in changes.items():
        before = dict(await row_of(stock))
        async with stock.database.transaction() as connection:
            await pools.change(connection, POOL, PoolChange(**{name: value}), later)  # type: ignore[arg-type]
        after = dict(await row_of(stock))
        kept = after.pop(name)
        assert (orjson.loads(kept) if isinstance(value, dict) else kept) == value
        del before[name]
        assert after == before, name
    async with stock.database.transaction() as connection:
        await pools.change(connection, POOL, PoolChange(messaging_limit=7), later)
    row = await row_of(stock)
    assert (row["messaging_limit"], row["limit_source"], row["limit_at"]) == (7, "operator", later)
    assert (row["headroom"], row["counted"]) == (0.1, 1)


async def test_slots_are_on_the_account_of_a_class_and_an_app(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        assert await pools.usage(connection, POOL) == {}
        for user in (ANNA, BEN):
            await stock.send(user, NOW)
        assert await pools.usage(connection, POOL) == {"app:shop": 2, "class:utility": 2}
        await quota.expire(connection, POOL, NOW, NOW + HOUR)
        assert await pools.usage(connection, POOL) == {}


async def test_a_change_is_seen_by_every_process_through_the_epoch(stock: Stock) -> None:
    before = await stock.version()
    async with stock.database.transaction() as connection:
        await quota.touch(connection, [POOL])
        await pools.set_limit(connection, POOL, 250, META, NOW)
    after = await stock.version()
    assert after.epoch > before.epoch
    assert after.version > before.version


async def test_the_count_of_a_pool_cannot_fall_below_nothing(stock: Stock) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await stock.fetch("update pools set counted = -1")
