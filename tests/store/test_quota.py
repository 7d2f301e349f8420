import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from gateway.policy.fold import Folded, Slot, Started
from gateway.policy.paces import Paces
from gateway.policy.send_class import SendClass
from gateway.store import quota
from gateway.whatsapp.ids import UserId
from gateway.whatsapp.number import Regime
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
from tests.store.stocked import ANNA, BEN, CARLA, Stock, journal_row, write_batch

ONE, TWO = UUID(int=1), UUID(int=2)
SLOT = Slot(NOW, SendClass.UTILITY, "shop")


async def release(stock: Stock, *message_ids: UUID, now: datetime = NOW) -> None:
    async with stock.database.transaction() as connection:
        await quota.release(connection, POOL, message_ids, now - DAY)


async def restore(stock: Stock, *message_ids: UUID) -> None:
    async with stock.database.transaction() as connection:
        await quota.restore(connection, POOL, message_ids, NOW - DAY)


async def expire(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        await quota.expire(connection, POOL, NOW - DAY, NOW)


# --- reserve


async def test_a_batch_is_written_as_a_whole(stock: Stock) -> None:
    before = await stock.version()
    folded = Folded(
        NOW,
        reached={(POOL, ANNA): SLOT, (POOL, BEN): SLOT},
        added={POOL: 2},
        pair_tats={(POOL, NUMBER, ANNA): NOW + HOUR},
        restricted={NUMBER: NOW + DAY},
    )
    journal = [journal_row(ONE, ANNA, NOW), journal_row(TWO, BEN, NOW, code=131048, detail="no")]
    async with stock.database.connection() as connection:
        written = await write_batch(connection, {POOL: before}, folded, journal, {NUMBER: POOL})
    assert written == {POOL}
    assert await stock.ledger() == {ANNA: NOW, BEN: NOW}
    assert await stock.accounts() == dict.fromkeys((ANNA, BEN), ("utility", "shop"))
    after = await stock.version()
    assert after == (before.version + 1, before.epoch + 1, 2, NOW)
    contact = await stock.fetch("select user_id, pair_tat from contacts")
    assert [(row["user_id"], row["pair_tat"]) for row in contact] == [(ANNA, NOW + HOUR)]
    number = (await stock.number()).facts
    assert (number.restricted_until, number.restricted_by) == (NOW + DAY, "ledger")
    assert (await stock.number(SECOND_NUMBER)).facts.restricted_until is None
    row = await stock.message(TWO)
    assert (row["user_id"], row["code"], row["detail"]) == (BEN, 131048, "no")


async def test_a_stale_version_writes_nothing_while_other_pools_of_the_batch_are_written(
    stock: Stock,
) -> None:
    await stock.add_pool(SECOND_POOL)
    await stock.add_number(SECOND_NUMBER, SECOND_POOL)
    stale, fresh = await stock.version(), await stock.version(SECOND_POOL)
    await stock.send(CARLA, NOW)
    before = await stock.version()
    folded = Folded(
        NOW,
        reached={(POOL, ANNA): SLOT, (SECOND_POOL, BEN): SLOT},
        added={POOL: 1, SECOND_POOL: 1},
        pair_tats={(POOL, NUMBER, ANNA): NOW, (SECOND_POOL, SECOND_NUMBER, BEN): NOW},
        restricted={NUMBER: NOW + DAY, SECOND_NUMBER: NOW + DAY},
        paces=dict.fromkeys((NUMBER, SECOND_NUMBER), Paces(NOW, NOW, NOW)),
        started=dict.fromkeys((NUMBER, SECOND_NUMBER), Started(1, 1)),
        spread={(POOL, 7): 1, (SECOND_POOL, 7): 1},
    )
    journal = [
        journal_row(ONE, ANNA, NOW),
        journal_row(TWO, BEN, NOW, pool_id=SECOND_POOL, phone_number_id=SECOND_NUMBER),
    ]
    async with stock.database.connection() as connection:
        written = await write_batch(
            connection,
            {POOL: stale, SECOND_POOL: fresh},
            folded,
            journal,
            {NUMBER: POOL, SECOND_NUMBER: SECOND_POOL},
        )
    assert written == {SECOND_POOL}
    assert await stock.version() == before
    assert await stock.ledger() == {CARLA: NOW}
    assert await stock.ledger(SECOND_POOL) == {BEN: NOW}
    names = await stock.fetch("select user_id from contacts order by 1")
    assert [row["user_id"] for row in names] == [BEN, CARLA]
    assert (await stock.number()).facts.restricted_until is None
    assert (await stock.number(SECOND_NUMBER)).facts.restricted_until == NOW + DAY
    journalled = await stock.fetch("select user_id from messages order by 1")
    assert [row["user_id"] for row in journalled] == [BEN, CARLA]
    for table in ("number_paces", "activity", "spread"):
        (row,) = await stock.fetch(f"select pool_id from {table}")  # noqa: S608
        assert row["pool_id"] == SECOND_POOL


async def test_of_two_that_decided_on_the_same_facts_one_writes(stock: Stock) -> None:
    seen = await stock.version()

    async def reserve(user: UserId, message_id: UUID) -> set[str]:
        folded = Folded(NOW, reached={(POOL, user): SLOT}, added={POOL: 1})
        row = journal_row(message_id, user, NOW)
        async with stock.database.connection() as connection:
            return set(await write_batch(connection, {POOL: seen}, folded, [row], {}))

    both = [reserve(UserId(f"3460000{n:04d}"), UUID(int=n)) for n in range(1, 9)]
    written = await asyncio.gather(*both)
    assert sorted(map(len, written)) == [0] * 7 + [1]
    assert len(await stock.ledger()) == 1


async def test_a_writer_that_had_to_wait_notices_that_its_facts_are_old(stock: Stock) -> None:
    seen = await stock.version()
    folded = Folded(NOW, reached={(POOL, ANNA): SLOT}, added={POOL: 1})

    async def reserve() -> set[str]:
        async with stock.database.connection() as connection:
            return set(await write_batch(connection, {POOL: seen}, folded, [], {}))

    async with stock.database.transaction() as connection:
        await quota.touch(connection, [POOL])
        late = asyncio.create_task(reserve())
        await stock.waiting_for_a_lock(1)
    assert await late == set()
    assert await stock.ledger() == {}


async def test_how_far_numbers_have_got_is_written_with_the_batch(stock: Stock) -> None:
    at = NOW + timedelta(minutes=17, seconds=3)
    paces = Paces(NOW + HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR)
    for users in (2, 0):
        folded = Folded(
            at,
            paces={NUMBER: paces},
            started={NUMBER: Started(sends=3, new_users=users)},
            spread={(POOL, -7): 2},
            probes={SECOND_NUMBER: NOW + HOUR},
        )
        seen = {POOL: await stock.version()}
        async with stock.database.connection() as connection:
            numbers = dict.fromkeys((NUMBER, SECOND_NUMBER), POOL)
            assert await write_batch(connection, seen, folded, [], numbers) == {POOL}
    (row,) = await stock.fetch("select * from number_paces")
    assert tuple(row.values()) == (POOL, NUMBER, *paces)
    (row,) = await stock.fetch("select * from activity")
    assert tuple(row.values()) == (POOL, NUMBER, NOW + timedelta(minutes=10), 6, 2)
    (row,) = await stock.fetch("select * from spread")
    assert tuple(row.values()) == (POOL, -7, NOW, 4)
    assert (await stock.number(SECOND_NUMBER)).facts.spam_until == NOW + HOUR
    assert (await stock.number()).facts.spam_until is None
    assert (await stock.version()).epoch == seen[POOL].epoch + 1


# --- expire


async def test_a_user_leaves_the_ledger_at_the_exact_instant(stock: Stock) -> None:
    await stock.send(ANNA, NOW - DAY)
    await stock.send(BEN, NOW - DAY + INSTANT)
    before = await stock.version()
    await expire(stock)
    assert await stock.ledger() == {BEN: NOW - DAY + INSTANT}
    assert (await stock.version()).version > before.version


async def test_where_nobody_leaves_no_decision_is_disturbed(stock: Stock) -> None:
    await stock.send(BEN, NOW - DAY + INSTANT)
    before = await stock.version()
    await expire(stock)
    assert await stock.version() == before


async def test_pools_with_aged_users_are_found(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    await stock.send(ANNA, NOW - DAY)
    await stock.send(ANNA, NOW - DAY + INSTANT, pool_id=SECOND_POOL)
    async with stock.database.connection() as connection:
        assert await quota.aged_pools(connection, NOW - DAY) == [POOL]


# --- release


@pytest.mark.parametrize("state", ["refused", "failed"])
async def test_a_message_that_never_arrives_gives_its_slot_back(stock: Stock, state: str) -> None:
    message = await stock.send(ANNA, NOW)
    await stock.send(BEN, NOW)
    await stock.state(message, state)
    await release(stock, message)
    assert await stock.ledger() == {BEN: NOW}
    assert (await stock.message(message))["hold"] == "released"


@pytest.mark.parametrize("state", ["reserved", "in_doubt", "accepted", "sent", "delivered", "read"])
async def test_what_may_have_arrived_keeps_its_slot(stock: Stock, state: str) -> None:
    message = await stock.send(ANNA, NOW)
    await stock.state(message, state)
    before = await stock.version()
    await release(stock, message)
    assert await stock.ledger() == {ANNA: NOW}
    assert await stock.version() == before


@pytest.mark.parametrize("hold", ["reserved", "settled"])
async def test_an_earlier_message_keeps_the_slot_at_its_own_hour(stock: Stock, hold: str) -> None:
    earlier = await stock.send(ANNA, NOW - 2 * HOUR)
    later = await stock.send(ANNA, NOW)
    await stock.state(earlier, "accepted", hold)
    await stock.state(later, "failed")
    await release(stock, later)
    assert await stock.ledger() == {ANNA: NOW - 2 * HOUR}


async def test_a_later_message_keeps_the_slot_at_its_own_hour(stock: Stock) -> None:
    earlier = await stock.send(ANNA, NOW - 2 * HOUR)
    await stock.send(ANNA, NOW - HOUR)
    await stock.state(earlier, "failed")
    await release(stock, earlier)
    assert await stock.ledger() == {ANNA: NOW - HOUR}


async def test_of_several_earlier_messages_the_latest_keeps_the_slot(stock: Stock) -> None:
    parked, *_ = [await stock.send(ANNA, NOW - hours * HOUR) for hours in (72, 5, 3, 4)]
    await stock.admitted(parked, NOW - 2 * HOUR)
    last = await stock.send(ANNA, NOW)
    await stock.state(last, "failed")
    await release(stock, last)
    assert await stock.ledger() == {ANNA: NOW - 2 * HOUR}


@pytest.mark.parametrize(("age", "left"), [(DAY, {}), (DAY - INSTANT, None)])
async def test_a_message_older_than_a_day_keeps_nothing(
    stock: Stock, age: timedelta, left: dict[str, object] | None
) -> None:
    await stock.send(ANNA, NOW - age)
    last = await stock.send(ANNA, NOW)
    await stock.state(last, "refused")
    await release(stock, last)
    assert await stock.ledger() == ({ANNA: NOW - age} if left is None else left)


async def test_a_reply_inside_the_window_keeps_no_slot(stock: Stock) -> None:
    await stock.send(ANNA, NOW - HOUR, business_initiated=False)
    last = await stock.send(ANNA, NOW)
    await stock.state(last, "refused")
    await release(stock, last)
    assert await stock.ledger() == {}


async def test_a_message_that_was_released_before_keeps_no_slot(stock: Stock) -> None:
    first = await stock.send(ANNA, NOW - HOUR)
    last = await stock.send(ANNA, NOW)
    for message in (first, last):
        await stock.state(message, "failed")
        await release(stock, message)
    assert await stock.ledger() == {}


async def test_all_messages_to_a_user_may_fail_at_once(stock: Stock) -> None:
    messages = [await stock.send(ANNA, NOW - hours * HOUR) for hours in (2, 1)]
    for message in messages:
        await stock.state(message, "failed")
    await release(stock, *messages)
    assert await stock.ledger() == {}


async def test_releasing_twice_changes_nothing(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW - HOUR)
    await stock.state(message, "failed")
    await release(stock, message)
    await stock.send(ANNA, NOW)
    before = await stock.version()
    await release(stock, message)
    assert await stock.ledger() == {ANNA: NOW}
    assert await stock.version() == before


async def test_a_release_stays_in_its_pool(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    message = await stock.send(ANNA, NOW)
    await stock.send(ANNA, NOW, pool_id=SECOND_POOL)
    await stock.state(message, "failed")
    await release(stock, message)
    assert await stock.ledger() == {}
    assert await stock.ledger(SECOND_POOL) == {ANNA: NOW}


@pytest.mark.parametrize(
    ("by", "pool", "state", "lifted"),
    [
        ("ledger", (4, 0.5), "failed", True),
        ("ledger", (4, 0.5), "refused", True),
        ("ledger", (2, 0.0), "refused", True),
        ("ledger", (2, 0.0), "failed", False),
        ("ledger", (2, 0.5), "failed", False),
        ("meta", (4, 0.5), "failed", False),
    ],
)
async def test_a_slot_given_back_frees_a_number_that_only_its_own_ledger_restricted(
    stock: Stock,
    by: str,
    pool: tuple[int, float],
    state: str,
    lifted: bool,  # noqa: FBT001 - a table
) -> None:
    limit, headroom = pool
    await stock.add_pool(limit=limit, regime=Regime.PER_NUMBER, headroom=headroom)
    message = await stock.send(ANNA, NOW)
    await stock.send(BEN, NOW)
    await stock.change_number(restricted_until=NOW + DAY, restricted_by=by)
    epoch = (await stock.version()).epoch
    await stock.state(message, state)
    await release(stock, message)
    restricted = (await stock.number()).facts.restricted_until
    assert restricted == (None if lifted else NOW + DAY)
    assert ((await stock.version()).epoch > epoch) is lifted


# --- restore


async def test_a_message_that_arrived_after_all_counts_again_at_its_hour(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW - HOUR)
    await stock.state(message, "failed")
    await release(stock, message)
    await stock.state(message, "delivered")
    await restore(stock, message)
    assert await stock.ledger() == {ANNA: NOW - HOUR}
    assert (await stock.message(message))["hold"] == "settled"
    await restore(stock, message)
    assert await stock.ledger() == {ANNA: NOW - HOUR}


async def test_a_later_send_is_not_turned_back_by_an_arrival(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW - HOUR)
    await stock.state(message, "failed")
    await release(stock, message)
    await stock.send(ANNA, NOW)
    await restore(stock, message)
    assert await stock.ledger() == {ANNA: NOW}


async def test_an_arrival_from_more_than_a_day_ago_does_not_count(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW - DAY)
    await stock.state(message, "failed")
    await release(stock, message)
    await restore(stock, message)
    assert await stock.ledger() == {}
    assert (await stock.message(message))["hold"] == "settled"


# --- what an operator sees


async def test_the_forecast_tells_in_which_hour_slots_come_free(stock: Stock) -> None:
    for user, age in ((ANNA, DAY - INSTANT), (BEN, DAY - HOUR), (CARLA, 0 * HOUR)):
        await stock.send(user, NOW - age)
    await stock.send(UserId("34600000009"), NOW - DAY)
    async with stock.database.connection() as connection:
        assert await quota.forecast(connection, POOL, NOW, DAY) == [(0, 1), (1, 1), (23, 1)]
        assert await quota.counted(connection, POOL, NOW - DAY) == 3


async def test_a_journal_row_is_as_wide_as_its_query(stock: Stock) -> None:
    changes = {
        "app_id": "app",
        "rule": "template",
        "retry_at": NOW + HOUR,
        "objections": '[{"rule": "template"}]',
        "correlated": False,
        "code": 132015,
        "detail": "paused",
    }
    row = journal_row(ONE, ANNA, NOW, **changes)
    seen = {POOL: await stock.version()}
    async with stock.database.connection() as connection:
        await write_batch(connection, seen, Folded(NOW), [row], {})
    written = await stock.message(ONE)
    assert {name: written[name] for name in row._fields} == row._asdict()
