from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random

import pytest

from gateway.policy.facts import NumberFacts
from gateway.store import activity, quota
from gateway.store.activity import MOST_AT_ONCE, History
from gateway.whatsapp.ids import PhoneNumberId, PoolId
from tests.policy.making import (
    DAY,
    HOUR,
    INSTANT,
    NOW,
    NUMBER,
    POOL,
    SECOND_NUMBER,
    SECOND_POOL,
    changed,
)
from tests.store.stocked import Stock

TEN = timedelta(minutes=10)
Buckets = Mapping[datetime, tuple[int, int]]
"""Sends and new users, by the beginning of the ten minutes."""


async def started(
    stock: Stock, buckets: Buckets, number: PhoneNumberId = NUMBER, pool_id: PoolId = POOL
) -> None:
    await stock.fetch(
        "insert into activity (pool_id, phone_number_id, bucket_at, sends, new_users)"
        " select $1, $2, * from unnest($3::timestamptz[], $4::integer[], $5::integer[])",
        pool_id,
        number,
        list(buckets),
        [sends for sends, _ in buckets.values()],
        [users for _, users in buckets.values()],
    )


async def seen(
    stock: Stock, now: datetime = NOW, number: PhoneNumberId = NUMBER
) -> tuple[int, int, int]:
    """Return the most new users in an hour and a day, and sends in 10 minutes."""
    pool_id = (await stock.number(number)).facts.pool_id
    async with stock.database.connection() as connection:
        found = await activity.histories(connection, pool_id, now)
    facts = next(each.seen for each in found if each.seen.phone_number_id == number)
    return facts.usual_users_hour, facts.usual_users_day, facts.usual_sends_10m


def by_hand(buckets: Buckets, now: datetime) -> tuple[int, int, int]:
    """Count in the plainest way: look at every ten minutes as the last of its hour and its day."""
    settled, week = now - HOUR, timedelta(days=7)
    hours, days, sends = [0], [0], [0]
    for last, (sent, _) in buckets.items():
        end = last + TEN
        span = {at: users for at, (_, users) in buckets.items() if now - 8 * DAY <= at <= last}
        if settled - week < end <= settled:
            hours.append(sum(users for at, users in span.items() if at > last - HOUR))
            sends.append(sent)
        if now - 8 * DAY <= last and end <= now - DAY:
            days.append(sum(users for at, users in span.items() if at > last - DAY))
    return max(hours), max(days), max(sends)


async def test_a_number_that_has_started_nothing_is_used_to_nothing(stock: Stock) -> None:
    assert await seen(stock) == (0, 0, 0)


async def test_an_hour_is_any_six_buckets_in_a_row_and_a_gap_is_none(stock: Stock) -> None:
    then = NOW - 2 * DAY
    lively = [then + n * TEN for n in (0, 2, 3, 5)]
    await started(stock, dict.fromkeys(lively, (9, 5)) | {then + 6 * TEN: (1, 4)})
    assert await seen(stock) == (20, 24, 9)


async def test_an_hour_counts_from_an_hour_after_its_end_and_a_day_from_a_day(
    stock: Stock,
) -> None:
    await started(stock, {NOW: (7, 5)})
    ended = NOW + TEN
    assert await seen(stock, ended + HOUR - INSTANT) == (0, 0, 0)
    assert await seen(stock, ended + HOUR) == (5, 0, 7)
    assert await seen(stock, ended + DAY - INSTANT) == (5, 0, 7)
    assert await seen(stock, ended + DAY) == (5, 5, 7)


async def test_a_week_later_it_is_not_usual_any_more(stock: Stock) -> None:
    await started(stock, {NOW: (7, 5)})
    week = timedelta(days=7)
    assert await seen(stock, NOW + TEN + HOUR + week - INSTANT) == (5, 5, 7)
    assert await seen(stock, NOW + TEN + HOUR + week) == (0, 5, 0)
    assert await seen(stock, NOW + DAY + week) == (0, 5, 0)
    assert await seen(stock, NOW + DAY + week + INSTANT) == (0, 0, 0)


async def test_each_number_has_a_history_of_its_own_and_takes_it_along(stock: Stock) -> None:
    await started(stock, {NOW - 2 * DAY: (3, 2)})
    await started(stock, {NOW - 2 * DAY: (30, 20)}, SECOND_NUMBER)
    await stock.add_pool(SECOND_POOL)
    await stock.add_number(NUMBER, SECOND_POOL)
    await started(stock, {NOW - 2 * DAY: (1, 1)}, NUMBER, SECOND_POOL)
    assert await seen(stock) == (3, 3, 4)
    assert await seen(stock, number=SECOND_NUMBER) == (20, 20, 30)


@pytest.mark.parametrize("seed", range(5))
async def test_it_counts_as_one_would_by_hand(stock: Stock, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - seeded, for a test
    first = NOW - 10 * DAY
    buckets = {}
    for index in range(10 * 24 * 6):
        if random.random() < 0.3:
            sends = random.randint(1, 50)
            buckets[first + index * TEN] = (sends, random.randint(0, sends))
    await started(stock, buckets)
    for _ in range(4):
        now = NOW - random.random() * 2 * DAY
        assert await seen(stock, now) == by_hand(buckets, now)


async def note(stock: Stock, noted: NumberFacts, seen: NumberFacts) -> NumberFacts:
    async with stock.database.transaction() as connection:
        await quota.touch(connection, [POOL])
        await activity.note_usual(connection, History(noted, seen))
    return (await stock.number()).facts


async def test_what_is_usual_is_written_and_a_recovery_stays(stock: Stock) -> None:
    await stock.change_number(recovering_since=NOW)
    noted = (await stock.number()).facts
    usual = changed(noted, usual_users_hour=1, usual_users_day=2, usual_sends_10m=3)
    assert await note(stock, noted, usual) == usual
    assert (await stock.number(SECOND_NUMBER)).facts.usual_sends_10m == 0


async def test_a_recovery_that_is_over_ends_unless_it_has_begun_anew(stock: Stock) -> None:
    await stock.change_number(recovering_since=NOW)
    noted = (await stock.number()).facts
    over = changed(noted, recovering_since=None)
    await stock.change_number(recovering_since=NOW + HOUR)
    assert (await note(stock, noted, over)).recovering_since == NOW + HOUR
    await stock.change_number(recovering_since=NOW)
    assert (await note(stock, noted, over)).recovering_since is None


async def test_what_nobody_asks_for_is_forgotten_and_nothing_else(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    old, kept = NOW - 8 * DAY - INSTANT, NOW - 8 * DAY
    await started(stock, {old: (1, 1), kept: (2, 2)})
    await started(stock, {old: (1, 1)}, NUMBER, SECOND_POOL)
    hours = [NOW - 2 * HOUR - INSTANT, NOW - 2 * HOUR]
    await stock.fetch(
        "insert into spread (pool_id, content, hour_at, users)"
        " select $1, 1, unnest($2::timestamptz[]), 1",
        POOL,
        hours,
    )
    async with stock.database.connection() as connection:
        assert await activity.forget(connection, SECOND_POOL, NOW) == 0, "not its number any more"
        assert await activity.forget(connection, POOL, NOW) == 3
        assert await activity.forget(connection, POOL, NOW) == 0
    assert [row["bucket_at"] for row in await stock.fetch("select * from activity")] == [kept]
    assert [row["hour_at"] for row in await stock.fetch("select * from spread")] == hours[1:]


async def test_more_than_fits_into_one_statement_is_forgotten_in_one_sweep(stock: Stock) -> None:
    many = 2 * MOST_AT_ONCE + 1
    await stock.fetch(
        "insert into spread (pool_id, content, hour_at, users)"
        " select $1, content, $2, 1 from generate_series(1, $3::integer) content",
        POOL,
        NOW - DAY,
        many,
    )
    async with stock.database.connection() as connection:
        assert await activity.forget(connection, POOL, NOW) == many


async def test_who_is_at_the_same_rows_is_not_waited_for(stock: Stock) -> None:
    await started(stock, {NOW - 9 * DAY: (1, 1)})
    async with stock.database.transaction() as busy:
        await busy.execute("select 1 from activity for update")
        async with stock.database.connection() as connection:
            assert await activity.forget(connection, POOL, NOW) == 0
