import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pytest

from gateway.policy.lifecycle import MessageState
from gateway.store import idempotency
from gateway.store.idempotency import Claim, Fate, Held, Key, KeyState, Recorded
from tests.policy.making import DAY, HOUR, INSTANT, NOW, POOL
from tests.store.stocked import ANNA, Stock

LEASE = HOUR
KEY = Key("shop", "order-1", b"one")
FIRST, SECOND = UUID(int=1), UUID(int=2)
ANSWER = Recorded(200, b"A: 1\r\nA: \xff\r\n", b'{"messages": []}\0')


@dataclass
class Keys:
    """The store's statements, each on a connection of its own."""

    stock: Stock

    async def claim(
        self,
        message_id: UUID,
        at: datetime = NOW,
        key: Key = KEY,
    ) -> bool:
        wanted = Claim(key, POOL, message_id, at, at + LEASE)
        async with self.stock.database.connection() as connection:
            return await idempotency.claim(connection, wanted, at - DAY)

    async def held(self, key: Key = KEY) -> Held | None:
        async with self.stock.database.connection() as connection:
            return await idempotency.held(connection, key)

    async def remember(self, message_id: UUID, state: KeyState = KeyState.ANSWERED) -> None:
        wanted = Claim(KEY, POOL, message_id, NOW, NOW + LEASE)
        async with self.stock.database.connection() as connection:
            await idempotency.remember(connection, wanted, state, ANSWER)

    async def forget(self, message_id: UUID) -> None:
        wanted = Claim(KEY, POOL, message_id, NOW, NOW + LEASE)
        async with self.stock.database.connection() as connection:
            await idempotency.forget(connection, wanted)

    async def prune(self, at: datetime) -> int:
        async with self.stock.database.connection() as connection:
            return await idempotency.prune(connection, at - DAY, at)


@pytest.fixture
def keys(stock: Stock) -> Keys:
    return Keys(stock)


async def test_a_key_has_one_message_until_it_is_answered_and_after(keys: Keys) -> None:
    assert await keys.held() is None
    assert await keys.claim(FIRST)
    assert not await keys.claim(SECOND)
    held = Held(KEY.fingerprint, FIRST, KeyState.IN_FLIGHT, NOW + LEASE, None, None)
    assert await keys.held() == held
    await keys.remember(FIRST)
    assert not await keys.claim(SECOND, NOW + DAY - INSTANT)
    answered = held._replace(state=KeyState.ANSWERED, recorded=ANSWER)
    assert await keys.held() == answered


async def test_of_many_who_want_a_key_at_once_one_gets_it(keys: Keys) -> None:
    claims = [keys.claim(UUID(int=number)) for number in range(1, 33)]
    assert sum(await asyncio.gather(*claims)) == 1


@pytest.mark.parametrize(
    "other", [KEY._replace(caller="bank"), KEY._replace(key="order-2")], ids=["app", "key"]
)
async def test_keys_of_other_apps_are_other_keys(keys: Keys, other: Key) -> None:
    assert await keys.claim(FIRST)
    assert await keys.claim(SECOND, key=other)


async def test_a_key_that_was_given_back_is_free(keys: Keys) -> None:
    assert await keys.claim(FIRST)
    await keys.forget(FIRST)
    assert await keys.claim(SECOND, key=KEY._replace(fingerprint=b"other"))


@pytest.mark.parametrize("state", [KeyState.ANSWERED, KeyState.IN_DOUBT])
async def test_after_its_time_a_key_is_free_for_any_request(keys: Keys, state: KeyState) -> None:
    await keys.claim(FIRST)
    await keys.remember(FIRST, state)
    other = KEY._replace(fingerprint=b"other")
    assert not await keys.claim(SECOND, NOW + DAY - INSTANT, other)
    assert await keys.claim(SECOND, NOW + DAY, other)
    assert await keys.held() == Held(
        b"other", SECOND, KeyState.IN_FLIGHT, NOW + DAY + LEASE, None, None
    )


async def test_the_key_of_what_waits_outlives_its_time(keys: Keys) -> None:
    """Or what is sent by and by would be sent twice."""
    message = await keys.stock.park(expires_at=NOW + 3 * DAY)
    await keys.claim(message)
    await keys.remember(message)
    assert not await keys.claim(SECOND, NOW + 2 * DAY)
    assert await keys.prune(NOW + 2 * DAY) == 0
    await keys.stock.fetch("delete from outbox")
    assert await keys.claim(SECOND, NOW + 2 * DAY)


async def test_what_its_process_still_answers_for_does_not_run_out(keys: Keys) -> None:
    await keys.claim(FIRST)
    await keys.stock.fetch("update idempotency_keys set created_at = created_at - '9 d'::interval")
    assert not await keys.claim(SECOND, NOW + LEASE - INSTANT)
    assert await keys.prune(NOW + LEASE - INSTANT) == 0
    assert await keys.claim(SECOND, NOW + LEASE)


async def test_what_a_dead_process_never_sent_is_taken_over_by_the_same_request_alone(
    keys: Keys,
) -> None:
    await keys.claim(FIRST)
    other = KEY._replace(fingerprint=b"other")
    assert not await keys.claim(SECOND, NOW + LEASE - INSTANT)
    assert not await keys.claim(SECOND, NOW + LEASE, other)
    assert await keys.claim(SECOND, NOW + LEASE)
    assert not await keys.claim(FIRST, NOW + LEASE), "it is in flight again"


@pytest.mark.parametrize("fate", MessageState)
async def test_what_the_journal_says_of_a_dead_process_s_message_decides(
    keys: Keys, fate: MessageState
) -> None:
    message = await keys.stock.send(ANNA, NOW)
    await keys.stock.state(message, fate)
    await keys.claim(message)
    held = await keys.held()
    assert held is not None
    assert held.fate == Fate(fate, ANNA, None, None, None)
    never_left = fate in {MessageState.TURNED_AWAY, MessageState.REFUSED}
    assert held.never_left is never_left
    assert await keys.claim(SECOND, NOW + LEASE) is never_left


async def test_whose_key_was_taken_over_changes_nothing_any_more(keys: Keys) -> None:
    await keys.claim(FIRST)
    await keys.claim(SECOND, NOW + LEASE)
    before = await keys.held()
    await keys.remember(FIRST)
    await keys.forget(FIRST)
    assert await keys.held() == before


async def test_keys_that_have_run_out_are_deleted_some_at_a_time(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MOST_AT_ONCE", 2)
    for number in range(1, 5):
        key = KEY._replace(key=f"order-{number}")
        await keys.claim(UUID(int=number), NOW + number * INSTANT, key)
    await keys.stock.fetch("update idempotency_keys set state = 'answered', status = 200")
    at = NOW + DAY + 3 * INSTANT
    assert [await keys.prune(at) for _ in range(3)] == [2, 1, 0]
    assert await keys.stock.value("select array_agg(key) from idempotency_keys") == ["order-4"]
