import asyncio
from datetime import datetime
from typing import Any

import pytest

from gateway.policy.facts import UserFacts
from gateway.policy.fold import Folded
from gateway.store import contacts, facts, quota
from gateway.store.contacts import ContactKey
from gateway.whatsapp.ids import UserId
from tests.policy.making import (
    HOUR,
    INSTANT,
    NOW,
    NUMBER,
    POOL,
    SECOND_NUMBER,
    SECOND_POOL,
    candidate,
    changed,
)
from tests.store.stocked import ANNA, BEN, Stock, write_batch

ANNA_HERE = ContactKey(POOL, NUMBER, ANNA)
BEN_HERE = ContactKey(POOL, NUMBER, BEN)
BSUID = UserId("ES.13491208655302741918")
BSUID_HERE = ContactKey(POOL, NUMBER, BSUID)


async def user(stock: Stock, key: ContactKey = ANNA_HERE) -> UserFacts:
    asked = changed(candidate(), phone_number_id=key.phone_number_id, user_id=key.user_id)
    async with stock.database.connection() as connection:
        return (await facts.load_hot(connection, [asked], NOW)).users[0]


async def unite(stock: Stock, alias: str = BSUID, user_id: UserId = ANNA) -> None:
    async with stock.database.transaction() as connection:
        await quota.lock(connection, [POOL])
        await contacts.unite(connection, POOL, alias, user_id)


async def open_window(stock: Stock, key: ContactKey, at: datetime) -> None:
    async with stock.database.connection() as connection:
        await contacts.open_windows(connection, {key: at})


async def prefer(stock: Stock, key: ContactKey, at: datetime, *, stopped: bool) -> None:
    async with stock.database.connection() as connection:
        await contacts.note_preference(connection, key, at, stopped=stopped)


async def test_windows_open_at_the_hour_the_users_wrote(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        await contacts.open_windows(connection, {BEN_HERE: NOW - HOUR, ANNA_HERE: NOW})
    assert (await user(stock)).last_inbound_at == NOW
    assert (await user(stock, BEN_HERE)).last_inbound_at == NOW - HOUR
    assert (await user(stock, ContactKey(POOL, SECOND_NUMBER, ANNA))).last_inbound_at is None


@pytest.mark.parametrize("hours", [[NOW, NOW - HOUR], [NOW - HOUR, NOW], [NOW, NOW]])
async def test_the_latest_message_counts_in_whatever_order_they_arrive(
    stock: Stock, hours: list[datetime]
) -> None:
    for at in hours:
        await open_window(stock, ANNA_HERE, at)
    assert (await user(stock)).last_inbound_at == NOW


@pytest.mark.parametrize(("at", "shut"), [(NOW - INSTANT, False), (NOW, True), (NOW + HOUR, True)])
async def test_metas_word_shuts_a_window_unless_the_user_has_written_since(
    stock: Stock,
    at: datetime,
    shut: bool,  # noqa: FBT001 - a table
) -> None:
    await open_window(stock, ANNA_HERE, NOW)
    async with stock.database.connection() as connection:
        await contacts.close_window(connection, ANNA_HERE, at)
    assert ((await user(stock)).last_inbound_at is None) is shut


@pytest.mark.parametrize("turned", [False, True])
async def test_the_later_word_of_the_user_wins(stock: Stock, turned: bool) -> None:  # noqa: FBT001
    words = [(NOW, True), (NOW + HOUR, False)]
    for at, stopped in reversed(words) if turned else words:
        await prefer(stock, ANNA_HERE, at, stopped=stopped)
    assert not (await user(stock)).marketing_stopped


async def test_who_stopped_marketing_of_one_number_did_not_stop_that_of_another(
    stock: Stock,
) -> None:
    await prefer(stock, ANNA_HERE, NOW, stopped=True)
    assert (await user(stock)).marketing_stopped
    assert not (await user(stock, ContactKey(POOL, SECOND_NUMBER, ANNA))).marketing_stopped


async def test_a_name_nobody_has_told_us_of_is_not_resolved(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        assert await contacts.resolve(connection, [(POOL, BSUID)]) == {}


async def test_two_names_of_one_person_become_one_user_who_counts_once(stock: Stock) -> None:
    await stock.send(ANNA, NOW - HOUR)
    await stock.send(BSUID, NOW)
    before = await stock.version()
    await unite(stock)
    assert await stock.ledger() == {ANNA: NOW}
    assert (await stock.version()).version > before.version
    async with stock.database.connection() as connection:
        assert await contacts.resolve(connection, [(POOL, BSUID), (SECOND_POOL, BSUID)]) == {
            (POOL, BSUID): ANNA
        }


async def test_a_person_known_only_by_the_other_name_keeps_their_slot(stock: Stock) -> None:
    await stock.send(BSUID, NOW)
    await unite(stock)
    assert await stock.ledger() == {ANNA: NOW}


async def test_the_later_send_counts_whichever_name_it_went_to(stock: Stock) -> None:
    await stock.send(BSUID, NOW - HOUR)
    await stock.send(ANNA, NOW)
    await unite(stock)
    assert await stock.ledger() == {ANNA: NOW}


async def test_uniting_twice_changes_nothing(stock: Stock) -> None:
    await stock.send(ANNA, NOW - HOUR)
    await stock.send(BSUID, NOW)
    await unite(stock)
    await unite(stock)
    assert await stock.ledger() == {ANNA: NOW}


async def test_windows_rates_and_messages_move_along(stock: Stock) -> None:
    message = await stock.send(BSUID, NOW)
    await open_window(stock, BSUID_HERE, NOW)
    await open_window(stock, ANNA_HERE, NOW - HOUR)
    await unite(stock)
    anna = await user(stock)
    assert (anna.last_inbound_at, anna.pair_tat) == (NOW, NOW)
    assert (await stock.message(message))["user_id"] == ANNA
    assert await stock.value("select count(*) from contacts where user_id = $1", BSUID) == 0


async def test_what_meta_said_of_either_name_holds_for_the_person(stock: Stock) -> None:
    await stock.send(BSUID, NOW)
    await stock.send(ANNA, NOW)
    set_rests = (
        "update contacts set capped_count = $2, capped_at = $3, capped_until = $3,"
        " pair_strikes = $2, pair_struck_at = $3 where user_id = $1"
    )
    await stock.fetch(set_rests, BSUID, 2, NOW)
    await unite(stock)
    (row,) = await stock.fetch(
        "select capped_count, capped_at, capped_until, pair_strikes, pair_struck_at from contacts"
    )
    assert tuple(row.values()) == (2, NOW, NOW, 2, NOW)


@pytest.mark.parametrize(
    ("alias_word", "own_word", "stopped"),
    [
        ((NOW, True), (NOW + HOUR, False), False),
        ((NOW + HOUR, True), (NOW, False), True),
        ((NOW + HOUR, False), (NOW, True), False),
        ((NOW, True), None, True),
        (None, (NOW, True), True),
        (None, None, False),
    ],
)
async def test_of_two_names_the_later_word_on_marketing_wins(
    stock: Stock,
    alias_word: tuple[datetime, bool] | None,
    own_word: tuple[datetime, bool] | None,
    stopped: bool,  # noqa: FBT001 - a table
) -> None:
    words: list[tuple[ContactKey, Any]] = [(BSUID_HERE, alias_word), (ANNA_HERE, own_word)]
    for key, word in words:
        await open_window(stock, key, NOW)
        if word is not None:
            await prefer(stock, key, word[0], stopped=word[1])
    await unite(stock)
    assert (await user(stock)).marketing_stopped is stopped


async def test_names_of_names_lead_to_the_same_person(stock: Stock) -> None:
    newer = "ES.99991208655302741918"
    await unite(stock, newer, BSUID)
    await unite(stock, BSUID, ANNA)
    async with stock.database.connection() as connection:
        found = await contacts.resolve(connection, [(POOL, newer), (POOL, BSUID)])
    assert set(found.values()) == {ANNA}
    assert len(found) == 2


async def test_a_name_that_is_another_persons_now_leads_to_them(stock: Stock) -> None:
    await unite(stock, BSUID, ANNA)
    await unite(stock, BSUID, BEN)
    async with stock.database.connection() as connection:
        assert await contacts.resolve(connection, [(POOL, BSUID)]) == {(POOL, BSUID): BEN}


async def test_other_pools_know_nothing_of_it(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    await stock.send(BSUID, NOW, pool_id=SECOND_POOL)
    await unite(stock)
    assert await stock.ledger(SECOND_POOL) == {BSUID: NOW}


async def test_a_batch_and_a_bunch_of_inbound_messages_never_wait_for_each_other(
    stock: Stock,
) -> None:
    """Both write contacts, so both have to take them in one order, whatever order they came in."""
    names = [UserId(name) for name in ("ES.b", "ES.B", "346", "US.a")]
    for name in names:
        await stock.send(name, NOW - HOUR)
    first, last = min(names), max(names)
    seen = await stock.version()
    tats = {(POOL, NUMBER, name): NOW for name in (last, *names, first)}

    async def reserve() -> set[str]:
        async with stock.database.connection() as connection:
            folded = Folded(NOW, pair_tats=tats)
            return set(await write_batch(connection, {POOL: seen}, folded, [], {}))

    async def open_windows() -> None:
        async with stock.database.connection() as connection:
            opened = {ContactKey(POOL, NUMBER, name): NOW for name in names}
            await contacts.open_windows(connection, opened)

    async with stock.database.transaction() as connection:
        await connection.execute("select from contacts where user_id = $1 for update", last)
        batch = asyncio.create_task(reserve())
        await stock.waiting_for_a_lock(1)
        inbound = asyncio.create_task(open_windows())
        await stock.waiting_for_a_lock(2)
    assert await batch == {POOL}
    await inbound
    assert await stock.value("select count(*) from contacts where last_inbound_at = $1", NOW) == 4
