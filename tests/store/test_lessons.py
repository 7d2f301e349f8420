import asyncio
import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from structlog.testing import capture_logs

from gateway.policy.rules.pair_rate import schedule
from gateway.store import contacts, facts, lessons, messages, quota
from gateway.store.contacts import ContactKey
from gateway.store.lessons import Heard
from gateway.whatsapp.error_codes import ERROR_CODES
from gateway.whatsapp.ids import PhoneNumberId, UserId
from tests.policy.making import (
    DAY,
    HOUR,
    KNOBS,
    NOW,
    NUMBER,
    POOL,
    SECOND_NUMBER,
    SECOND_POOL,
    candidate,
    changed,
)
from tests.store.stocked import ANNA, BEN, ManualClock, Stock

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
NUMBER_COLUMNS = "spam_step, spam_at, spam_until, recovering_since"
CAP_COLUMNS = "capped_count, capped_at, capped_until"


async def hear(stock: Stock, *told: tuple[UUID, int | None], at: datetime = NOW) -> None:
    """Learn of messages what Meta said at an hour: the code, None if they arrived."""
    async with stock.database.connection() as connection:
        known = await messages.find_by_id(connection, [POOL], [message for message, _ in told])
        heard = [Heard(known[message], at, code) for message, code in told]
        await lessons.learn(connection, heard, ManualClock(at), KNOBS)


async def stop_of(stock: Stock, number: PhoneNumberId = NUMBER) -> tuple[Any, ...]:
    (row,) = await stock.fetch(
        f"select {NUMBER_COLUMNS} from numbers where phone_number_id = $1",  # noqa: S608
        number,
    )
    return tuple(row.values())


async def contact(stock: Stock, columns: str, user: UserId = ANNA) -> tuple[Any, ...]:
    (row,) = await stock.fetch(
        f"select {columns} from contacts where pool_id = $1 and phone_number_id = $2"  # noqa: S608
        " and user_id = $3",
        POOL,
        NUMBER,
        user,
    )
    return tuple(row.values())


async def stopped_and_probed(stock: Stock) -> UUID:
    """Stop the number at NOW, and return a probe that was decided after the rest."""
    await hear(stock, (await stock.send(ANNA, NOW), 131048))
    return await stock.send(BEN, NOW + HOUR)


# --- which code does what

EFFECTS = {
    131047: {"last_inbound_at": None},
    131048: {"spam_step": 1, "spam_at": NOW, "spam_until": NOW + HOUR},
    131049: {"capped_count": 1, "capped_at": NOW, "capped_until": NOW + DAY},
    131050: {"marketing_stopped": True, "preference_at": NOW},
    131056: {
        "pair_strikes": 1,
        "pair_struck_at": NOW,
        "pair_tat": schedule(KNOBS).refused(None, NOW + SECOND),
    },
}


async def test_of_all_codes_exactly_these_have_an_effect_and_each_its_own(stock: Stock) -> None:
    async def snapshot(user: UserId) -> dict[str, Any]:
        (row,) = await stock.fetch(
            "select * from contacts c join numbers n using (phone_number_id) where user_id = $1",
            user,
        )
        return dict(row)

    effects = {}
    for index, code in enumerate(sorted(ERROR_CODES)):
        user = UserId(f"346{index:08d}")
        message = await stock.send(user, NOW)
        async with stock.database.connection() as connection:
            await contacts.open_windows(connection, {ContactKey(POOL, NUMBER, user): NOW - HOUR})
        before = await snapshot(user)
        await hear(stock, (message, code))
        after = await snapshot(user)
        effects[code] = {name: new for name, new in after.items() if new != before[name]}
        await stock.change_number(spam_step=0, spam_at=None, spam_until=None)
    assert {code: effect for code, effect in effects.items() if effect} == EFFECTS


async def test_a_code_that_meta_does_not_have_teaches_nothing(stock: Stock) -> None:
    before = await stock.version()
    message = await stock.send(ANNA, NOW)
    await hear(stock, (message, 2**40))
    assert (await stock.version()).version == before.version + 1  # the send itself


# --- the stop of a number


async def test_131048_stops_the_number_and_no_other(stock: Stock) -> None:
    before = await stock.version()
    await hear(stock, (await stock.send(ANNA, NOW), 131048))
    assert await stop_of(stock) == (1, NOW, NOW + HOUR, None)
    assert await stop_of(stock, SECOND_NUMBER) == (0, None, None, None)
    assert (await stock.version()).epoch == before.epoch + 1, "every process hears of it"


async def test_the_many_refusals_of_one_campaign_are_one_step(stock: Stock) -> None:
    sent = [await stock.send(UserId(f"346{n:08d}"), NOW - n * SECOND) for n in range(10)]
    with capture_logs() as logs:
        await hear(stock, *((message, 131048) for message in sent[5:]))
        for message in sent:
            await hear(stock, (message, 131048), at=NOW + HOUR)
    assert await stop_of(stock) == (1, NOW, NOW + HOUR, None)
    told = [(each["log_level"], each["phone_number_id"], each["step"]) for each in logs]
    assert told == [("warning", NUMBER, 1)]


async def test_a_probe_that_is_refused_raises_the_step(stock: Stock) -> None:
    probe = await stopped_and_probed(stock)
    for _ in range(2):
        await hear(stock, (probe, 131048), at=NOW + HOUR)
    assert await stop_of(stock) == (2, NOW + HOUR, NOW + 5 * HOUR, None)


async def test_a_reply_that_is_refused_is_no_probe_but_may_be_the_first_to_tell(
    stock: Stock,
) -> None:
    reply = await stock.send(ANNA, NOW, business_initiated=False)
    await hear(stock, (reply, 131048))
    assert await stop_of(stock) == (1, NOW, NOW + HOUR, None)
    later = await stock.send(ANNA, NOW + HOUR, business_initiated=False)
    await hear(stock, (later, 131048), at=NOW + HOUR)
    await hear(stock, (later, None), at=NOW + HOUR)
    assert await stop_of(stock) == (1, NOW, NOW + HOUR, None)


async def test_a_probe_that_arrives_ends_the_stop_and_the_number_recovers(stock: Stock) -> None:
    probe = await stopped_and_probed(stock)
    before = await stock.version()
    heard_at = NOW + 2 * HOUR
    for _ in range(2):
        await hear(stock, (probe, None), at=heard_at)
    assert await stop_of(stock) == (0, heard_at, None, heard_at)
    assert (await stock.version()).epoch == before.epoch + 1


async def test_what_was_under_way_when_the_stop_began_does_not_end_it(stock: Stock) -> None:
    under_way = await stock.send(BEN, NOW - MINUTE)
    await stopped_and_probed(stock)
    await hear(stock, (under_way, None), at=NOW + HOUR)
    assert await stop_of(stock) == (1, NOW, NOW + HOUR, None)


async def test_old_news_after_the_end_begin_no_other_stop(stock: Stock) -> None:
    early, under_way = await stock.send(ANNA, NOW - MINUTE), await stock.send(ANNA, NOW)
    probe = await stopped_and_probed(stock)
    await hear(stock, (probe, None), at=NOW + HOUR)
    over = await stop_of(stock)
    for message in (early, under_way, probe):
        await hear(stock, (message, 131048), at=NOW + DAY)
    assert await stop_of(stock) == over
    await hear(stock, (await stock.send(ANNA, NOW + DAY), 131048), at=NOW + DAY)
    assert (await stop_of(stock))[:3] == (1, NOW + DAY, NOW + DAY + HOUR)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
async def test_in_whatever_order_and_however_often_told_a_campaign_is_one_stop(
    stock: Stock, order: Sequence[int]
) -> None:
    sent = [await stock.send(UserId(f"346{n:08d}"), NOW + n * SECOND) for n in range(4)]
    told: list[int | None] = [131048, None, 131048, None]
    for _ in range(2):
        for index in order:
            await hear(stock, (sent[index], told[index]), at=NOW + MINUTE)
    assert await stop_of(stock) == (1, NOW + MINUTE, NOW + MINUTE + HOUR, None)


async def test_a_number_that_has_left_the_pool_learns_nothing(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    await stock.add_pool(SECOND_POOL)
    await stock.add_number(NUMBER, SECOND_POOL)
    await hear(stock, (message, 131048), (message, 131056))
    assert await stop_of(stock) == (0, None, None, None)
    assert await contact(stock, "pair_strikes") == (0,)


# --- the rests of a user


async def test_a_cap_on_marketing_is_remembered_of_the_user_and_grows(stock: Stock) -> None:
    first = await stock.send(ANNA, NOW)
    await hear(stock, (first, 131049))
    await hear(stock, (first, 131049), (await stock.send(ANNA, NOW), 131049), at=NOW + HOUR)
    assert await contact(stock, CAP_COLUMNS) == (1, NOW, NOW + DAY)
    again = NOW + DAY
    await hear(stock, (await stock.send(ANNA, again), 131049), at=again)
    assert await contact(stock, CAP_COLUMNS) == (2, again, again + 2 * DAY)
    await stock.send(BEN, NOW)
    assert await contact(stock, CAP_COLUMNS, BEN) == (0, None, None)


async def test_a_user_nobody_has_a_row_of_is_remembered(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    await stock.fetch("delete from contacts")
    await hear(stock, (message, 131049))
    assert await contact(stock, CAP_COLUMNS) == (1, NOW, NOW + DAY)


# --- the rests of a pair


async def test_a_pair_rests_until_exactly_then_and_longer_each_time(stock: Stock) -> None:
    at = NOW
    for strikes, seconds in enumerate((1, 4, 16), start=1):
        message = await stock.send(ANNA, at)
        for _ in range(2):
            await hear(stock, (message, 131056), at=at)
        tat, counted = await contact(stock, "pair_tat, pair_strikes")
        assert counted == strikes
        fits_at = schedule(KNOBS).fits_at(tat, at)
        assert fits_at == at + seconds * SECOND
        at = fits_at


async def test_the_knobs_of_the_number_say_when_a_pair_fits_again(stock: Stock) -> None:
    await stock.change_number(knobs=orjson.dumps({"pair_capacity": 3}).decode())
    await hear(stock, (await stock.send(ANNA, NOW), 131056))
    (tat,) = await contact(stock, "pair_tat")
    assert schedule(changed(KNOBS, pair_capacity=3)).fits_at(tat, NOW) == NOW + SECOND


async def test_a_pair_that_waits_longer_already_waits_for_all_but_what_was_refused(
    stock: Stock,
) -> None:
    message = await stock.send(ANNA, NOW)
    await stock.fetch("update contacts set pair_tat = $1", NOW + HOUR)
    for _ in range(2):
        await hear(stock, (message, 131056))
    assert await contact(stock, "pair_tat") == (NOW + HOUR - KNOBS.pair_interval,)


async def test_what_one_lesson_remembers_another_leaves(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    await hear(stock, (message, 131049), (message, 131056))
    await hear(stock, (await stock.send(ANNA, NOW + HOUR), 131056), at=NOW + HOUR)
    assert await contact(stock, CAP_COLUMNS) == (1, NOW, NOW + DAY)
    assert await contact(stock, "pair_strikes, pair_struck_at") == (1, NOW + HOUR)


# --- beside others


async def test_a_process_whose_clock_is_behind_learns_once_too(stock: Stock) -> None:
    ahead = await stock.send(ANNA, NOW + SECOND)
    for _ in range(2):
        await hear(stock, (ahead, 131048))
    assert (await stop_of(stock))[:2] == (1, NOW + SECOND)


async def test_what_was_decided_without_knowing_of_a_rest_is_decided_again(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    seen = (await stock.version()).version
    await hear(stock, (message, 131056))
    assert (await stock.version()).version > seen


async def test_the_hour_is_read_when_nobody_can_decide_without_knowing(stock: Stock) -> None:
    """A message decided while the lesson waits for the pool is one of the same campaign."""
    refused = await stock.send(ANNA, NOW)
    clock = ManualClock()
    async with stock.database.connection() as connection:
        known = await messages.find_by_id(connection, [POOL], [refused])
    heard = [Heard(known[refused], NOW, 131048)]

    async def learn() -> None:
        async with stock.database.connection() as connection:
            await lessons.learn(connection, heard, clock, KNOBS)

    async with stock.database.transaction() as busy:
        await quota.lock(busy, [POOL])
        learning = asyncio.create_task(learn())
        await stock.waiting_for_a_lock(1)
        clock.advance(SECOND)
    await learning
    await hear(stock, (await stock.send(BEN, NOW + SECOND), 131048), at=NOW + MINUTE)
    assert (await stop_of(stock))[:2] == (1, NOW + SECOND)


async def test_two_processes_that_hear_the_same_learn_it_once(stock: Stock) -> None:
    sent = [await stock.send(UserId(f"346{n:08d}"), NOW) for n in range(20)]
    told = [(message, code) for message in sent for code in (131049, 131056, 131048)]
    await asyncio.gather(*(hear(stock, *told[:: (-1) ** n]) for n in range(6)))
    assert await stop_of(stock) == (1, NOW, NOW + HOUR, None)
    rows = await stock.fetch("select distinct capped_count, pair_strikes from contacts")
    assert [tuple(row.values()) for row in rows] == [(1, 1)]


async def test_lessons_and_a_bunch_of_inbound_messages_never_wait_for_each_other(
    stock: Stock,
) -> None:
    """Both write contacts, so both have to take them in one order, whatever order they came in."""
    names = sorted(UserId(name) for name in ("ES.b", "ES.B", "346", "US.a"))
    told = [(await stock.send(name, NOW), 131049) for name in reversed(names)]

    async def open_windows() -> None:
        async with stock.database.connection() as connection:
            opened = {ContactKey(POOL, NUMBER, name): NOW for name in names}
            await contacts.open_windows(connection, opened)

    async with stock.database.transaction() as connection:
        await connection.execute("select from contacts where user_id = $1 for update", names[1])
        learning = asyncio.create_task(hear(stock, *told))
        await stock.waiting_for_a_lock(1)
        inbound = asyncio.create_task(open_windows())
        await stock.waiting_for_a_lock(2)
    await learning
    await inbound
    both = "select count(*) from contacts where last_inbound_at = $1 and capped_count = 1"
    assert await stock.value(both, NOW) == len(names)


async def test_a_decision_sees_what_was_learnt(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    await hear(stock, (message, 131049), (message, 131048))
    async with stock.database.connection() as connection:
        asked = changed(candidate(), user_id=ANNA)
        hot = await facts.load_hot(connection, [asked], NOW)
        (_, state) = (await facts.load_states(connection, [POOL], KNOBS))[POOL]
    assert hot.users[0].capped_until == NOW + DAY
    assert state.numbers[NUMBER].spam_until == NOW + HOUR
