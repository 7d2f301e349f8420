from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gateway.policy.facts import RestrictionFacts, Said, TemplateFacts, UserFacts
from gateway.policy.fold import Folded, Started
from gateway.policy.paces import Paces
from gateway.policy.send_class import SendClass
from gateway.policy.shares import DEFAULT, Share
from gateway.store import contacts, facts, numbers, quota, templates
from gateway.store.contacts import ContactKey
from gateway.store.facts import StateCache
from gateway.store.templates import Listed
from gateway.whatsapp.number import NumberStatus, Regime
from gateway.whatsapp.restriction import RestrictionType
from gateway.whatsapp.template import TemplateCategory, TemplateStatus
from tests.policy.making import (
    DAY,
    HOUR,
    KEY,
    KNOBS,
    NOW,
    NUMBER,
    POOL,
    SECOND_NUMBER,
    SECOND_POOL,
    WABA,
    candidate,
    changed,
    template,
    text,
)
from tests.store.stocked import ANNA, BEN, CARLA, Stock, write_batch

TO_ANNA = changed(candidate(), user_id=ANNA)
TO_BEN = changed(candidate(), user_id=BEN)


async def test_the_facts_of_a_batch_come_in_its_order(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    await stock.add_number(SECOND_NUMBER, SECOND_POOL)
    await stock.send(ANNA, NOW)
    await stock.send(ANNA, NOW - HOUR, pool_id=SECOND_POOL, phone_number_id=SECOND_NUMBER)
    elsewhere = changed(TO_ANNA, pool_id=SECOND_POOL, phone_number_id=SECOND_NUMBER)
    async with stock.database.connection() as connection:
        batch = [TO_BEN, elsewhere, TO_ANNA, TO_BEN]
        hot = await facts.load_hot(connection, batch, NOW)
    assert [user.reached_at for user in hot.users] == [None, NOW - HOUR, NOW, None]
    assert {pool_id: seen.counted for pool_id, seen in hot.pools.items()} == {
        POOL: 1,
        SECOND_POOL: 1,
    }


async def test_all_that_is_known_of_a_user_is_read_number_by_number(stock: Stock) -> None:
    await stock.send(ANNA, NOW)
    key = ContactKey(POOL, NUMBER, ANNA)
    async with stock.database.connection() as connection:
        await contacts.open_windows(connection, {key: NOW - HOUR})
        await contacts.note_preference(connection, key, NOW, stopped=True)
        other = changed(TO_ANNA, phone_number_id=SECOND_NUMBER)
        hot = await facts.load_hot(connection, [TO_ANNA, other, TO_BEN], NOW)
    here = UserFacts(NOW, NOW - HOUR, NOW, marketing_stopped=True)
    assert hot.users == [here, UserFacts(reached_at=NOW), UserFacts()]


async def test_the_oldest_entry_of_each_pool_is_found(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    await stock.send(ANNA, NOW)
    await stock.send(BEN, NOW - HOUR)
    async with stock.database.connection() as connection:
        oldest = await facts.load_oldest(connection, {POOL: 0, SECOND_POOL: 0})
        after_one = await facts.load_oldest(connection, {POOL: 1, SECOND_POOL: 1})
    assert oldest == {POOL: NOW - HOUR, SECOND_POOL: None}
    assert after_one == {POOL: NOW, SECOND_POOL: None}


async def test_the_state_of_a_pool_has_its_numbers_restrictions_and_templates(
    stock: Stock,
) -> None:
    await stock.add_pool(SECOND_POOL, limit=250, regime=Regime.PER_NUMBER)
    await stock.add_number(SECOND_NUMBER, SECOND_POOL)
    await stock.change_number(restricted_until=NOW + DAY, restricted_by="meta")
    kind = RestrictionType.RESTRICTED_UTILITY_TEMPLATES
    listed = Listed(KEY, "7001", TemplateCategory.UTILITY, TemplateStatus.PAUSED)
    async with stock.database.transaction() as connection:
        await numbers.put_restriction(connection, WABA, kind, NOW + DAY, NOW)
        await numbers.put_restriction(connection, WABA, "SOMETHING_NEW", None, NOW)
        await templates.sync(connection, WABA, [listed], NOW)
        states = await facts.load_states(connection, [POOL, SECOND_POOL], KNOBS)
    (_, first), (_, second) = states[POOL], states[SECOND_POOL]
    assert (second.regime, second.messaging_limit) == (Regime.PER_NUMBER, 250)
    assert (set(first.numbers), set(second.numbers)) == ({NUMBER}, {SECOND_NUMBER})
    assert first.numbers[NUMBER].restricted_until == NOW + DAY
    assert set(first.restrictions[WABA]) == {
        RestrictionFacts(kind, NOW + DAY),
        RestrictionFacts(RestrictionType.UNKNOWN, None),
    }
    known = TemplateFacts(TemplateCategory.UTILITY, TemplateStatus.PAUSED)
    assert first.template(NUMBER, KEY) == known
    assert first.synced_wabas == frozenset({WABA})


async def test_a_template_list_that_was_never_read_proves_nothing(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        states = await facts.load_states(connection, [POOL], KNOBS)
    assert states[POOL][1].synced_wabas == frozenset()
    assert states[POOL][1].template(NUMBER, None) is None


async def test_the_cache_reads_again_when_the_epoch_has_moved_and_only_then(stock: Stock) -> None:
    cache = StateCache(KNOBS)

    async def status() -> NumberStatus:
        async with stock.database.connection() as connection:
            pools = {POOL: await stock.version()}
            return (await cache.get(connection, pools))[POOL].numbers[NUMBER].status

    assert await status() is NumberStatus.CONNECTED
    await stock.fetch("update numbers set status = 'BANNED'")
    assert await status() is NumberStatus.CONNECTED
    await stock.send(ANNA, NOW)
    assert await status() is NumberStatus.CONNECTED
    async with stock.database.transaction() as connection:
        await quota.touch(connection, [POOL])
    assert await status() is NumberStatus.BANNED


async def test_what_a_batch_shares_is_read_with_it(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    await stock.send(ANNA, NOW, send_class=SendClass.MARKETING)
    await stock.send(BEN, NOW, pool_id=SECOND_POOL, app_id="bank")
    paces = Paces(NOW + timedelta(microseconds=100), NOW + timedelta(microseconds=123_456), None)
    at = NOW + timedelta(minutes=59)
    folded = Folded(
        at,
        paces={NUMBER: paces, SECOND_NUMBER: Paces()},
        started={NUMBER: Started(1, 1), SECOND_NUMBER: Started(1, 1)},
        spread={(POOL, 0): 3, (POOL, -(2**63)): 4, (POOL, 5): 6},
    )
    seen = {POOL: await stock.version()}
    numbers = dict.fromkeys((NUMBER, SECOND_NUMBER), POOL)
    least = changed(text(), content=-(2**63))
    batch = [
        changed(TO_ANNA, message=text()),
        changed(TO_BEN, message=least),
        changed(TO_BEN, message=changed(template(), content=5)),
    ]
    async with stock.database.connection() as connection:
        await write_batch(connection, seen, folded, [], numbers)
        hot = await facts.load_hot(connection, batch, NOW)
        later = await facts.load_hot(connection, batch, NOW + HOUR)
    assert hot.paces == {NUMBER: paces}
    assert hot.usage == {POOL: {"class:marketing": 1, "app:shop": 1}}
    # Of this hour, and only of what is free-form in the batch.
    assert hot.spread == {(POOL, 0): 3, (POOL, -(2**63)): 4}
    assert later.spread == {}


async def test_of_a_fresh_pool_nothing_is_known(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        hot = await facts.load_hot(connection, [TO_ANNA, TO_BEN], NOW)
    assert hot.users == [UserFacts(), UserFacts()]
    assert (hot.paces, hot.usage, hot.spread) == ({}, {}, {})


async def test_what_was_said_to_a_user_is_read_as_it_was_written(stock: Stock) -> None:
    said = (Said(-(2**63), 2, NOW + timedelta(microseconds=7)), Said(2**63 - 1, 1, NOW - HOUR))
    contact = (POOL, NUMBER, ANNA)
    folded = Folded(NOW, pair_tats={contact: NOW}, recent={contact: said})
    seen = {POOL: await stock.version()}
    async with stock.database.connection() as connection:
        await write_batch(connection, seen, folded, [], {})
        await connection.execute("update contacts set capped_until = $1", NOW + DAY)
        hot = await facts.load_hot(connection, [TO_ANNA], NOW)
    assert hot.users == [UserFacts(pair_tat=NOW, capped_until=NOW + DAY, recent=said)]


async def test_the_oldest_slot_of_each_holder_is_found(stock: Stock) -> None:
    await stock.send(ANNA, NOW - 3 * HOUR, send_class=SendClass.MARKETING, app_id="bank")
    await stock.send(BEN, NOW - 2 * HOUR, send_class=SendClass.UTILITY, app_id="shop")
    await stock.send(CARLA, NOW - HOUR, send_class=SendClass.MARKETING, app_id="shop")
    asked = {(POOL, "class:marketing"): 0, (POOL, "app:shop"): 1, (SECOND_POOL, "app:shop"): 0}
    asked |= {(POOL, "class:utility"): 1}
    async with stock.database.connection() as connection:
        found = await facts.load_oldest_of_holders(connection, asked)
    assert found == {POOL: {"class:marketing": NOW - 3 * HOUR, "app:shop": NOW - HOUR}}


async def test_the_knobs_of_a_number_are_laid_over_those_of_its_pool(stock: Stock) -> None:
    await stock.fetch(
        "update pools set knobs = $1", '{"warm_up_users": 7, "rules": {"share": "off"}}'
    )
    await stock.fetch(
        "update numbers set knobs = $1 where phone_number_id = $2",
        '{"warm_up_users": 9, "from_the_future": 1}',
        NUMBER,
    )
    async with stock.database.connection() as connection:
        states = await facts.load_states(connection, [POOL], KNOBS)
    pool = changed(KNOBS, off=KNOBS.off | {"share"}, warm_up_users=7)
    assert states[POOL][1].knobs == {
        NUMBER: changed(pool, warm_up_users=9),
        SECOND_NUMBER: pool,
    }


async def test_a_pool_is_divided_as_it_says_and_by_default_with_a_cap_on_marketing(
    stock: Stock,
) -> None:
    async def shares() -> Mapping[str, Share]:
        async with stock.database.connection() as connection:
            return (await facts.load_states(connection, [POOL], KNOBS))[POOL][1].shares

    assert await shares() == DEFAULT
    await stock.share(
        {"app:bank": {"reserve": 0.2}, "app:shop": {"cap": 0.5, "from_the_future": 1}}
    )
    assert await shares() == {"app:bank": Share(reserve=0.2), "app:shop": Share(cap=0.5)}


async def test_what_a_number_usually_does_is_part_of_its_state(stock: Stock) -> None:
    columns: dict[str, Any] = {
        "active_since": NOW,
        "recovering_since": NOW - HOUR,
        "usual_users_hour": 1,
        "usual_users_day": 2,
        "usual_sends_10m": 3,
        "spam_step": 4,
        "spam_until": NOW + HOUR,
    }
    await stock.change_number(**columns)
    async with stock.database.connection() as connection:
        states = await facts.load_states(connection, [POOL], KNOBS)
    found = states[POOL][1].numbers[NUMBER]
    assert {name: getattr(found, name) for name in columns} == columns
