from collections import Counter
from datetime import timedelta

import pytest

from gateway.policy.paces import Paces
from gateway.policy.send_class import SendClass
from gateway.policy.slots import Leaving
from gateway.store import contacts, preflight
from gateway.store.contacts import ContactKey
from gateway.store.errors import StoreUnavailableError, UnknownNumberError, UnknownPoolError
from gateway.store.preflight import Audience, Found
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId
from tests.policy.making import (
    DAY,
    HOUR,
    INSTANT,
    NOW,
    NUMBER,
    POOL,
    SECOND_NUMBER,
    SECOND_POOL,
)
from tests.store.stocked import ANNA, BEN, CARLA, Stock

SECOND = timedelta(seconds=1)
DORA, EVE = UserId("34600000004"), UserId("34600000005")
EVERYBODY = [ANNA, BEN, CARLA, DORA, EVE]


def leaving(at_hours: int) -> Leaving:
    return Leaving(NOW + at_hours * HOUR, 1, SendClass.UTILITY, "shop")


async def found(stock: Stock, *numbers: PhoneNumberId) -> Found:
    known = Found()
    async with preflight.snapshot(stock.database) as connection:
        audience = Audience(POOL, numbers, NOW, DAY)
        await preflight.look_up(connection, audience, EVERYBODY, known)
    return known


async def test_who_counts_is_told_by_when_they_leave(stock: Stock) -> None:
    await stock.send(ANNA, NOW - HOUR)
    await stock.send(BEN, NOW - HOUR)
    await stock.send(CARLA, NOW - DAY)
    await stock.send(DORA, NOW - DAY + INSTANT)
    assert await found(stock, NUMBER) == Found(
        new=2, counted=Counter({leaving(23): 2, leaving(0)._replace(at=NOW + SECOND): 1})
    )


async def test_all_slots_of_the_pool_are_told_by_the_second_in_which_they_leave(
    stock: Stock,
) -> None:
    await stock.add_pool(SECOND_POOL)
    await stock.send(EVE, NOW, pool_id=SECOND_POOL)
    await stock.send(ANNA, NOW - HOUR)
    await stock.send(BEN, NOW - HOUR - SECOND + INSTANT)
    await stock.send(CARLA, NOW - HOUR - SECOND)
    await stock.send(DORA, NOW - DAY)
    async with preflight.snapshot(stock.database) as connection:
        slots = await preflight.leaving(connection, POOL, NOW, DAY)
    assert slots == {leaving(23): 2, leaving(23)._replace(at=NOW + 23 * HOUR - SECOND): 1}


async def test_who_stopped_or_is_capped_is_left_out_for_the_numbers_asked(stock: Stock) -> None:
    await stock.send(ANNA, NOW)
    async with stock.database.connection() as connection:
        for user in (ANNA, BEN):
            await contacts.note_preference(
                connection, ContactKey(POOL, NUMBER, user), NOW, stopped=True
            )
    await stock.fetch(
        "insert into contacts (pool_id, phone_number_id, user_id, capped_until)"
        " select $1, $2, * from unnest($3::text[], $4::timestamptz[])",
        POOL,
        SECOND_NUMBER,
        [ANNA, CARLA, DORA, EVE],
        [NOW + DAY, NOW + HOUR, NOW + 2 * HOUR, NOW],
    )
    assert await found(stock, NUMBER) == Found(new=3, stopped=2)
    assert await found(stock, SECOND_NUMBER) == Found(new=2, capped=3, capped_until=NOW + DAY)
    assert await found(stock, NUMBER, SECOND_NUMBER) == Found(
        new=1, stopped=2, capped=2, capped_until=NOW + 2 * HOUR
    )
    assert await found(stock) == Found(new=4, counted=Counter({leaving(24): 1}))


async def test_business_scoped_ids_lead_to_who_is_known(stock: Stock) -> None:
    alias, stranger = UserId("ES.1349"), UserId("ES.2")
    async with stock.database.transaction() as connection:
        await contacts.unite(connection, POOL, alias, ANNA)
    async with preflight.snapshot(stock.database) as connection:
        assert await preflight.resolve(connection, POOL, [alias, stranger, BEN]) == {alias: ANNA}
        assert await preflight.resolve(connection, POOL, [BEN]) == {}
        assert await preflight.resolve(connection, SECOND_POOL, [alias]) == {}


async def test_the_numbers_of_a_pool_come_with_their_schedules(stock: Stock) -> None:
    await stock.fetch(
        "insert into number_paces values ($1, $2, $3, $4, $5)",
        POOL,
        SECOND_NUMBER,
        NOW,
        NOW + HOUR,
        None,
    )
    async with preflight.snapshot(stock.database) as connection:
        first, second = await preflight.origins_of_pool(connection, POOL)
        assert await preflight.origin(connection, SECOND_NUMBER) == second
        with pytest.raises(UnknownPoolError):
            await preflight.origins_of_pool(connection, PoolId("nowhere"))
        with pytest.raises(UnknownNumberError):
            await preflight.origin(connection, PhoneNumberId("nobody"))
    assert (first.phone_number_id, first.throughput, first.paces) == (NUMBER, 80, Paces())
    assert second.paces == Paces(NOW, NOW + HOUR, None)


async def test_a_pool_without_numbers_is_no_unknown_pool(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    async with preflight.snapshot(stock.database) as connection:
        assert await preflight.origins_of_pool(connection, SECOND_POOL) == []


async def test_a_snapshot_sees_one_instant_and_cannot_write(stock: Stock) -> None:
    async with preflight.snapshot(stock.database) as connection:
        assert await preflight.leaving(connection, POOL, NOW, DAY) == {}
        await stock.send(ANNA, NOW)
        assert await preflight.leaving(connection, POOL, NOW, DAY) == {}
    with pytest.raises(StoreUnavailableError, match="read-only"):
        async with preflight.snapshot(stock.database) as connection:
            await connection.execute("delete from ledger")


async def test_every_user_is_looked_up_by_an_index(stock: Stock) -> None:
    users = [str(number) for number in range(100)]
    await stock.fetch("analyze ledger")
    explained = await stock.fetch(
        f"explain {preflight.SQL['recipients']}", POOL, users, NOW, [NUMBER], DAY
    )
    steps = [row["QUERY PLAN"].strip() for row in explained]
    assert not [step for step in steps if "Seq Scan" in step]
    by_user = [step for step in steps if step.startswith("Index Cond") and "user_id" in step]
    assert len(by_user) == 2, steps
