from datetime import timedelta
from uuid import UUID

import pytest

from gateway.store import apps, callbacks
from gateway.store.apps import App, Credential
from gateway.store.callbacks import KEPT, Endpoint, Missed, Owed
from tests.policy.making import HOUR, INSTANT, NOW, POOL
from tests.store.stocked import ANNA, Stock

MINUTE = timedelta(minutes=1)
URL = "https://shop.example/told"
ALL = {"shop": 10}


@pytest.fixture(autouse=True)
async def shop(stock: Stock) -> None:
    await put(stock, "shop", URL)


async def put(stock: Stock, app_id: str, url: str | None) -> None:
    app = App(
        app_id,
        app_id,
        app_id.encode(),
        Credential.GATEWAY_KEY,
        callback_url=url,
        sealed_callback_secret=b"sealed" if url else None,
    )
    async with stock.database.connection() as connection:
        await apps.put(connection, app, NOW)


async def owed(stock: Stock) -> list[UUID]:
    return [r["message_id"] for r in await stock.fetch("select message_id from callbacks")]


async def claim(stock: Stock, most: dict[str, int] = ALL, seconds: float = 0) -> list[Owed]:
    now = NOW + timedelta(seconds=seconds)
    async with stock.database.connection() as connection:
        return await callbacks.claim(connection, most, now, now + MINUTE)


async def expired(stock: Stock) -> UUID:
    message_id = await stock.park()
    await stock.state(message_id, "expired")
    return message_id


@pytest.mark.parametrize("state", ["expired", "cancelled", "turned_away", "delivered"])
async def test_an_app_that_knows_only_that_it_waits_is_owed_an_event(
    stock: Stock, state: str
) -> None:
    message_id = await stock.park()
    assert await owed(stock) == []
    await stock.state(message_id, state)
    assert await owed(stock) == [message_id]


@pytest.mark.parametrize("state", ["accepted", "refused", "sent", "failed"])
async def test_what_was_released_is_told_what_was_answered_at_once_is_not(
    stock: Stock, state: str
) -> None:
    direct, released = [await stock.send(ANNA, NOW) for _ in range(2)]
    await stock.admitted(released, NOW)
    for message_id in (direct, released):
        await stock.state(message_id, state)
    assert await owed(stock) == [released]


@pytest.mark.parametrize("state", ["accepted", "sent", "failed", "refused", "unknown"])
async def test_a_doubt_that_ends_is_told(stock: Stock, state: str) -> None:
    message_id = await stock.send(ANNA, NOW)
    await stock.state(message_id, "in_doubt")
    assert await owed(stock) == []
    await stock.state(message_id, state)
    assert await owed(stock) == [message_id]


async def test_later_statuses_are_not_told_again(stock: Stock) -> None:
    message_id = await stock.send(ANNA, NOW)
    await stock.admitted(message_id, NOW)
    await stock.state(message_id, "accepted")
    (event,) = await claim(stock)
    async with stock.database.connection() as connection:
        await callbacks.done(connection, event)
    for state in ("sent", "delivered", "read"):
        await stock.state(message_id, state)
    assert await owed(stock) == []


async def test_an_app_without_a_url_is_owed_nothing(stock: Stock) -> None:
    await put(stock, "shop", None)
    await expired(stock)
    assert await owed(stock) == []
    async with stock.database.connection() as connection:
        assert await callbacks.endpoints(connection) == []


async def test_a_later_event_takes_the_place_of_the_one_under_way(stock: Stock) -> None:
    message_id = await stock.send(ANNA, NOW)
    await stock.state(message_id, "in_doubt")
    await stock.state(message_id, "unknown")
    (first,) = await claim(stock)
    await stock.state(message_id, "delivered")
    async with stock.database.connection() as connection:
        await callbacks.done(connection, first)
        await callbacks.failed(connection, first, Missed("x", NOW + HOUR, NOW))
    (second,) = await claim(stock)
    assert (second.message_id, second.attempts) == (message_id, 1)
    assert second.event_id != first.event_id


async def test_a_claim_is_a_lease_and_counts_the_attempt(stock: Stock) -> None:
    message_id = await expired(stock)
    (first,) = await claim(stock)
    assert (first.pool_id, first.message_id, first.app_id) == (POOL, message_id, "shop")
    assert (first.attempts, first.first_at) == (1, NOW)
    assert await claim(stock, seconds=59) == []
    (again,) = await claim(stock, seconds=60)
    assert (again.event_id, again.attempts, again.first_at) == (first.event_id, 2, NOW)


async def test_two_who_claim_at_once_get_different_ones(stock: Stock) -> None:
    for _ in range(4):
        await expired(stock)
    async with stock.database.transaction() as connection:
        mine = await callbacks.claim(connection, {"shop": 3}, NOW, NOW + MINUTE)
        theirs = await claim(stock)
    ids = [each.message_id for each in (*mine, *theirs)]
    assert (len(mine), len(theirs), len(set(ids))) == (3, 1, 4)


async def test_no_more_of_an_app_than_there_is_room_for(stock: Stock) -> None:
    await put(stock, "crm", "https://crm.example/")
    for _ in range(3):
        await expired(stock)
    assert len(await claim(stock, {"crm": 5, "shop": 2})) == 2
    assert await claim(stock, {"crm": 5, "shop": 0}) == []


async def test_what_was_missed_waits_and_what_was_given_up_is_kept_for_a_person(
    stock: Stock,
) -> None:
    await expired(stock)
    (event,) = await claim(stock)
    async with stock.database.connection() as connection:
        await callbacks.failed(connection, event, Missed("status 500", NOW + HOUR, None))
        assert await claim(stock, seconds=3599) == []
        (event,) = await claim(stock, seconds=3600)
        assert event.attempts == 2
        await callbacks.failed(connection, event, Missed("status 410", NOW, NOW))
        assert await claim(stock, seconds=7200) == []
        (row,) = await callbacks.page(connection, "shop", 10, gave_up=True)
        assert (row["problem"], row["gave_up_at"], row["attempts"]) == ("status 410", NOW, 2)
        assert await callbacks.page(connection, None, 10, gave_up=False) == []
        assert [dict(each) for each in await callbacks.count(connection)] == [
            {"app_id": "shop", "gave_up": True, "events": 1}
        ]
        assert await callbacks.redrive(connection, "crm", NOW) == 0
        assert await callbacks.redrive(connection, None, NOW + HOUR) == 1
    assert await claim(stock, seconds=3599) == []
    (event,) = await claim(stock, seconds=3600)
    assert event.attempts == 1


async def test_what_was_given_up_long_ago_is_forgotten(stock: Stock) -> None:
    await expired(stock)
    (event,) = await claim(stock)
    async with stock.database.connection() as connection:
        await callbacks.failed(connection, event, Missed("x", NOW, NOW))
        assert await callbacks.forget(connection, NOW + KEPT - INSTANT) == 0
        assert await callbacks.forget(connection, NOW + KEPT) == 1
    await expired(stock)
    async with stock.database.connection() as connection:
        await callbacks.drop(connection, "shop")
        assert await callbacks.endpoints(connection) == [Endpoint("shop", URL, b"sealed")]
    assert await owed(stock) == []
