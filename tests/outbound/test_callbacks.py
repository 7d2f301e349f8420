from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from gateway.metrics import Metrics
from gateway.outbound.callbacks import AT_ONCE, PERSISTENCE, CallbackParts, Callbacks
from gateway.outbound.standard_webhooks import secret_of
from gateway.store import apps
from gateway.store.apps import App, Credential
from gateway.store.vault import Vault
from tests.app_door import AppDoor, app_door
from tests.policy.making import NOW
from tests.store.stocked import ManualClock, Stock

VAULT = Vault("a long key")
SECRET = secret_of(bytes(range(32)))


@pytest.fixture
async def door(stock: Stock) -> AsyncIterator[AppDoor]:
    """Open the door of the app `shop`."""
    async with app_door() as opened:
        opened.secret = SECRET
        await shop(stock, opened.url)
        yield opened


async def shop(stock: Stock, url: str, vault: Vault = VAULT) -> None:
    app = App(
        "shop",
        "Shop",
        b"hash",
        Credential.GATEWAY_KEY,
        callback_url=url,
        sealed_callback_secret=vault.seal(SECRET),
    )
    async with stock.database.connection() as connection:
        await apps.put(connection, app, NOW)


@pytest.fixture
async def teller(stock: Stock) -> AsyncIterator["Teller"]:
    """Run callbacks by a clock that stands still."""
    yield (teller := Teller(stock))
    await teller.callbacks.close()


class Teller:
    """Callbacks, and what moves them."""

    def __init__(self, stock: Stock) -> None:
        self.stock = stock
        self.clock = ManualClock(NOW)
        self.metrics = Metrics()
        rng = Random(5)  # noqa: S311 - jitter
        parts = CallbackParts(stock.database, VAULT, self.clock, self.metrics, rng)
        self.callbacks = Callbacks.open(parts)

    async def tell(self) -> int:
        """Deliver what is due; return how many deliveries there were."""
        count = await self.callbacks.run_once()
        await self.callbacks.settled()
        return count

    async def owed(self) -> list[Any]:
        """Return what is owed still."""
        return list(await self.stock.fetch("select * from callbacks order by message_id"))

    async def expire(self, count: int = 1) -> None:
        """Have parked messages expire."""
        for _ in range(count):
            await self.stock.state(await self.stock.park(), "expired")

    def count(self, result: str) -> float | None:
        """Return how many deliveries ended so."""
        return self.metrics.registry.get_sample_value("gateway_callbacks_total", {"result": result})


async def test_what_was_taken_is_owed_no_more(teller: Teller, door: AppDoor) -> None:
    await teller.expire(3)
    assert await teller.tell() == 3
    assert door.types() == ["message.expired"] * 3
    assert await teller.owed() == []
    assert await teller.tell() == 0
    assert (teller.count("taken"), teller.count("missed")) == (3, None)


async def test_what_is_on_its_way_again_is_not_told(teller: Teller, door: AppDoor) -> None:
    await teller.expire()
    await teller.stock.fetch("update messages set state = 'parked'")
    assert await teller.tell() == 1
    assert door.taken == []
    assert await teller.owed() == []


async def test_no_more_are_told_at_once_than_a_door_can_take(teller: Teller, door: AppDoor) -> None:
    await teller.expire(AT_ONCE + 1)
    assert await teller.tell() == AT_ONCE
    assert await teller.tell() == 1
    assert len(door.taken) == AT_ONCE + 1


async def test_a_door_that_fails_is_tried_with_one_at_a_time(teller: Teller, door: AppDoor) -> None:
    await teller.expire(5)
    door.status = 500
    assert await teller.tell() == 5
    teller.clock.advance(timedelta(minutes=1))
    assert [await teller.tell() for _ in range(2)] == [1, 1]
    door.status = 200
    assert [await teller.tell() for _ in range(3)] == [1, 2, 0]
    assert door.refused == 7


async def test_the_waits_grow_and_end_after_a_day(teller: Teller, door: AppDoor) -> None:
    await teller.expire()
    door.status = 500
    waits = []
    while (await teller.tell()) and (row := (await teller.owed())[0])["gave_up_at"] is None:
        waits.append((row["due_at"] - teller.clock.now()).total_seconds())
        teller.clock.at = row["due_at"]
    assert all(5 * 2**n <= wait <= 6 * 2**n for n, wait in enumerate(waits[:9]))
    assert all(3600 <= wait <= 4320 for wait in waits[10:])
    assert PERSISTENCE - timedelta(hours=2) < teller.clock.now() - NOW <= PERSISTENCE
    teller.clock.advance(timedelta(days=1))
    assert await teller.tell() == 0


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_whatever_is_no_success_is_missed(teller: Teller, door: AppDoor, status: int) -> None:
    await teller.expire()
    door.status = status
    await teller.tell()
    (row,) = await teller.owed()
    assert (row["problem"], row["attempts"]) == (f"status {status}", 1)
    assert (row["gave_up_at"], row["leased_until"]) == (None, None)
    assert teller.count("missed") == 1


async def test_a_door_that_wants_nothing_any_more_is_left_alone(
    teller: Teller, door: AppDoor
) -> None:
    await teller.expire()
    door.status = 410
    await teller.tell()
    (row,) = await teller.owed()
    assert row["gave_up_at"] == NOW


async def test_a_door_that_is_shut_is_missed(teller: Teller, door: AppDoor) -> None:
    await shop(teller.stock, "http://127.0.0.1:9/told")
    await teller.expire()
    await teller.tell()
    (row,) = await teller.owed()
    assert row["problem"] == "ClientConnectorError"
    assert door.taken == []


async def test_what_cannot_be_signed_is_not_told(teller: Teller, door: AppDoor) -> None:
    await shop(teller.stock, door.url, Vault("a key that nobody has any more"))
    await teller.expire()
    await teller.tell()
    (row,) = await teller.owed()
    assert "cannot be signed" in row["problem"]
    assert door.taken == []


async def test_a_process_that_leaves_claims_nothing(teller: Teller, door: AppDoor) -> None:
    await teller.expire()
    teller.callbacks.leave()
    assert await teller.tell() == 0
    assert door.taken == []
