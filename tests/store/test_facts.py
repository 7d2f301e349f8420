from gateway.policy.facts import RestrictionFacts, TemplateFacts, UserFacts
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
)
from tests.store.stocked import ANNA, BEN, Stock

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
