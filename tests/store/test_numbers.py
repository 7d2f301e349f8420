from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.store import numbers, pools, quota
from gateway.store.errors import UnknownNumberError
from gateway.store.numbers import NumberSettings
from gateway.store.pools import PoolChange
from gateway.whatsapp.ids import PhoneNumberId, WabaId
from gateway.whatsapp.number import NumberStatus, QualityRating, Regime
from tests.policy.making import (
    DAY,
    HOUR,
    INSTANT,
    NOW,
    NUMBER,
    POOL,
    SECOND_NUMBER,
    SECOND_POOL,
    WABA,
)
from tests.store.stocked import ANNA, EARLY, Stock

BAN = "RESTRICTED_BIZ_INITIATED_MESSAGING"


async def restrictions(stock: Stock) -> list[tuple[str, datetime | None]]:
    async with stock.database.connection() as connection:
        rows = await numbers.restrictions(connection, WABA)
    return [(row["restriction_type"], row["restricted_until"]) for row in rows]


async def test_a_new_number_is_connected_and_knows_its_pool(stock: Stock) -> None:
    await stock.send(ANNA, NOW)
    row = await stock.number()
    assert (row.facts.status, row.facts.quality_rating) == (
        NumberStatus.CONNECTED,
        QualityRating.UNKNOWN,
    )
    assert (row.regime, row.messaging_limit, row.counted) == (Regime.PORTFOLIO, 100, 1)
    assert (row.facts.pool_id, row.facts.waba_id, row.status_at) == (POOL, WABA, EARLY)


async def test_what_is_saved_is_read(stock: Stock) -> None:
    row = await stock.number()
    facts = replace(
        row.facts,
        status=NumberStatus.BANNED,
        quality_rating=QualityRating.RED,
        flagged_until=NOW + DAY,
        restricted_until=NOW + HOUR,
        restricted_by="meta",
        recovering_since=NOW - DAY,
    )
    told = replace(
        row, facts=facts, throughput=1000, status_at=NOW, quality_at=NOW - HOUR, polled_at=NOW
    )
    async with stock.database.transaction() as connection:
        await quota.touch(connection, [POOL])
        await numbers.save(connection, told)
    assert await stock.number() == told
    assert (await stock.number(SECOND_NUMBER)).facts.status is NumberStatus.CONNECTED


async def test_a_number_that_is_put_again_keeps_where_it_stands(stock: Stock) -> None:
    await stock.change_number(status="BANNED", flagged_until=NOW)
    await stock.add_pool(SECOND_POOL)
    await stock.add_number(NUMBER, SECOND_POOL)
    facts = (await stock.number()).facts
    assert (facts.status, facts.flagged_until) == (NumberStatus.BANNED, NOW)
    assert facts.pool_id == SECOND_POOL


async def test_a_new_number_warms_up_until_it_is_said_to_be_new_again(stock: Stock) -> None:
    settings = NumberSettings(NUMBER, POOL, WABA, "+1 555-000-0001", 80)
    assert (await stock.number()).facts.active_since is None
    for said, kept in ((NOW, NOW), (None, NOW), (NOW + DAY, NOW + DAY)):
        async with stock.database.transaction() as connection:
            await quota.touch(connection, [POOL])
            await numbers.put(connection, replace(settings, active_since=said), NOW)
        assert (await stock.number()).facts.active_since == kept


async def test_what_is_turned_is_kept_beside_what_the_pool_has_turned(stock: Stock) -> None:
    assert ((await stock.number()).knobs, (await stock.number()).pool_knobs) == ({}, {})
    async with stock.database.transaction() as connection:
        await quota.touch(connection, [POOL])
        await numbers.turn(connection, NUMBER, {"rules": {"activity": "off"}})
        await pools.change(connection, POOL, PoolChange(knobs={"pair_capacity": 5}), NOW)
    row = await stock.number()
    assert (row.knobs, row.pool_knobs) == ({"rules": {"activity": "off"}}, {"pair_capacity": 5})
    assert (await stock.number(SECOND_NUMBER)).knobs == {}
    await stock.add_number(NUMBER)
    assert (await stock.number()).knobs == {"rules": {"activity": "off"}}


async def test_what_a_number_has_started_is_summed_by_hour_ten_minutes_and_day(
    stock: Stock,
) -> None:
    facts = (await stock.number()).facts
    for number, ago, sends, new_users in (
        (NUMBER, timedelta(minutes=5), 1, 1),
        (NUMBER, timedelta(minutes=10), 10, 5),
        (NUMBER, HOUR, 100, 50),
        (NUMBER, DAY - INSTANT, 1000, 500),
        (NUMBER, DAY, 10_000, 5000),
        (SECOND_NUMBER, timedelta(0), 7, 7),
    ):
        await stock.fetch(
            "insert into activity values ($1, $2, $3, $4, $5)",
            *(POOL, number, NOW - ago, sends, new_users),
        )
    async with stock.database.connection() as connection:
        used = await numbers.used(connection, facts, NOW)
        assert await numbers.used(connection, facts, NOW + 2 * DAY) == (0, 0, 0)
    assert used == numbers.Used(users_hour=6, sends_10m=1, users_day=556)


async def test_an_unknown_number_is_said_to_be_unknown(stock: Stock) -> None:
    with pytest.raises(UnknownNumberError, match="200000000000009"):
        await stock.number(PhoneNumberId("200000000000009"))


async def test_a_status_of_a_later_version_is_read_as_unknown(stock: Stock) -> None:
    await stock.change_number(status="SOMETHING_NEW", quality_rating="BLUE")
    facts = (await stock.number()).facts
    assert facts.status is NumberStatus.UNKNOWN
    assert facts.quality_rating is QualityRating.UNKNOWN


async def test_numbers_are_listed_and_found_by_account(stock: Stock) -> None:
    other = PhoneNumberId("200000000000003")
    await stock.add_number(other, waba_id=WabaId("100000000000002"))
    async with stock.database.connection() as connection:
        everyone = [row.facts.phone_number_id for row in await numbers.get_all(connection)]
        ours = [row.facts.phone_number_id for row in await numbers.of_waba(connection, WABA)]
    assert everyone == [NUMBER, SECOND_NUMBER, other]
    assert ours == [NUMBER, SECOND_NUMBER]


async def test_clocks_are_due_at_their_instant(stock: Stock) -> None:
    await stock.change_number(NUMBER, flagged_until=NOW)
    await stock.change_number(SECOND_NUMBER, restricted_until=NOW + INSTANT, restricted_by="meta")
    async with stock.database.connection() as connection:
        assert await numbers.due(connection, NOW - INSTANT) == []
        assert await numbers.due(connection, NOW) == [NUMBER]
        assert set(await numbers.due(connection, NOW + INSTANT)) == {NUMBER, SECOND_NUMBER}


@pytest.mark.parametrize("turned", [False, True])
async def test_a_later_announcement_of_the_same_restriction_replaces_it(
    stock: Stock,
    turned: bool,  # noqa: FBT001 - a table
) -> None:
    words = [(NOW + DAY, NOW), (NOW + 2 * DAY, NOW + HOUR)]
    async with stock.database.connection() as connection:
        for until, at in reversed(words) if turned else words:
            await numbers.put_restriction(connection, WABA, BAN, until, at)
    assert await restrictions(stock) == [(BAN, NOW + 2 * DAY)]


async def test_a_restriction_is_forgotten_at_its_end_and_not_before(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        await numbers.put_restriction(connection, WABA, BAN, NOW, NOW - DAY)
        await numbers.put_restriction(connection, WABA, "ANOTHER", None, NOW - DAY)
        assert await numbers.due_accounts(connection, NOW - INSTANT) == []
        await numbers.end_restrictions(connection, WABA, NOW - INSTANT)
        assert len(await restrictions(stock)) == 2
        assert await numbers.due_accounts(connection, NOW) == [WABA]
        await numbers.end_restrictions(connection, WABA, NOW)
    assert await restrictions(stock) == [("ANOTHER", None)]


async def test_lifting_spares_what_was_announced_since(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        await numbers.put_restriction(connection, WABA, BAN, None, NOW)
        await numbers.put_restriction(connection, WABA, "ANOTHER", None, NOW + HOUR)
        await numbers.lift_restrictions(connection, WABA, NOW)
    assert await restrictions(stock) == [("ANOTHER", None)]


@pytest.mark.parametrize("lifted", [False, True])
@pytest.mark.parametrize(
    ("kind", "recovers"), [(BAN, True), ("RESTRICTED_UTILITY_TEMPLATES", False)]
)
async def test_when_the_account_may_start_conversations_again_its_numbers_recover(
    stock: Stock,
    kind: str,
    recovers: bool,  # noqa: FBT001 - a table
    lifted: bool,  # noqa: FBT001 - a table
) -> None:
    elsewhere = PhoneNumberId("200000000000003")
    await stock.add_number(elsewhere, waba_id=WabaId("100000000000002"))
    await stock.change_number(SECOND_NUMBER, recovering_since=NOW + HOUR)
    until = NOW + DAY if lifted else NOW
    async with stock.database.transaction() as connection:
        await numbers.put_restriction(connection, WABA, kind, until, NOW - DAY)
        end = numbers.lift_restrictions if lifted else numbers.end_restrictions
        await end(connection, WABA, NOW)
    assert (await stock.number()).facts.recovering_since == (NOW if recovers else None)
    assert (await stock.number(SECOND_NUMBER)).facts.recovering_since == NOW + HOUR
    assert (await stock.number(elsewhere)).facts.recovering_since is None
