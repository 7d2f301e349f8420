from typing import Any
from uuid import UUID

import pytest

from gateway.policy.lifecycle import Hold, MessageState
from gateway.store import apps, messages
from gateway.store.apps import App, Credential
from gateway.store.messages import Answer, PageFilter, Progress
from tests.policy.making import DAY, HOUR, NOW, NUMBER, POOL, SECOND_NUMBER, SECOND_POOL
from tests.store.stocked import ANNA, BEN, Stock

S = MessageState
WAMID = "wamid.made-up"


def answer(message_id: UUID, state: S = S.ACCEPTED, wamid: str | None = WAMID) -> Answer:
    return Answer(POOL, message_id, state, wamid, None, None, NOW)


def progress(message_id: UUID, state: S, *, settles: bool = False, **hours: Any) -> Progress:
    plain = Progress(POOL, message_id, state, WAMID, settles, *[None] * 6)
    return plain._replace(**hours)


async def record(stock: Stock, *answers: Answer) -> None:
    async with stock.database.connection() as connection:
        await messages.record_answers(connection, answers)


async def move(stock: Stock, *moves: Progress) -> None:
    async with stock.database.connection() as connection:
        await messages.record_progress(connection, moves, NOW)


async def page(stock: Stock, **wanted: Any) -> list[UUID]:
    async with stock.database.connection() as connection:
        rows = await messages.page(connection, PageFilter(**wanted))
    return [row["message_id"] for row in rows]


async def test_answers_reach_the_journal(stock: Stock) -> None:
    one, other = await stock.send(ANNA, NOW), await stock.send(BEN, NOW)
    refusal = answer(other, S.REFUSED, None)._replace(code=131026, detail="not on WhatsApp")
    await record(stock, refusal, answer(one))
    row = await stock.message(one)
    assert (row["state"], row["wamid"], row["answered_at"]) == ("accepted", WAMID, NOW)
    row = await stock.message(other)
    assert (row["state"], row["code"], row["detail"]) == ("refused", 131026, "not on WhatsApp")


async def test_a_slot_ages_from_the_answer_and_never_grows_younger_than_it(stock: Stock) -> None:
    """Meta counts a user from when it takes the message: a slot must not come free before."""
    first, second = await stock.send(ANNA, NOW - HOUR), await stock.send(BEN, NOW - HOUR)
    reply = await stock.send(ANNA, NOW - HOUR, business_initiated=False)
    await record(stock, answer(first), answer(second, S.IN_DOUBT, None))
    assert await stock.ledger() == {ANNA: NOW, BEN: NOW}
    late = answer(first)._replace(answered_at=NOW - HOUR / 2)
    await record(stock, late, answer(reply)._replace(answered_at=NOW + HOUR))
    assert await stock.ledger() == {ANNA: NOW, BEN: NOW}


@pytest.mark.parametrize("overtook", [S.SENT, S.FAILED, S.DELIVERED, S.READ])
async def test_an_answer_that_a_status_has_overtaken_adds_only_what_it_alone_knows(
    stock: Stock, overtook: S
) -> None:
    message = await stock.send(ANNA, NOW)
    await stock.state(message, overtook)
    await record(stock, answer(message))
    row = await stock.message(message)
    assert (row["state"], row["wamid"], row["answered_at"]) == (overtook, WAMID, NOW)


async def test_a_late_answer_ends_the_doubt(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    await stock.state(message, "in_doubt")
    await record(stock, answer(message))
    assert (await stock.message(message))["state"] == "accepted"


@pytest.mark.parametrize(("told", "state"), [(S.ACCEPTED, "accepted"), (S.IN_DOUBT, "unknown")])
async def test_what_was_given_up_is_not_in_doubt_once_more(
    stock: Stock, told: S, state: str
) -> None:
    message = await stock.send(ANNA, NOW)
    await stock.state(message, "unknown")
    await record(stock, answer(message, told))
    assert (await stock.message(message))["state"] == state


@pytest.mark.parametrize("told", [S.SENT, S.FAILED, S.DELIVERED, S.READ])
@pytest.mark.parametrize("parcel", ["parked", "held", "sending", "dead"])
async def test_what_meta_tells_of_is_not_sent_once_more(stock: Stock, parcel: str, told: S) -> None:
    both = [await stock.park(), await stock.park(BEN)]
    await stock.fetch("update outbox set state = $1", parcel)
    await move(stock, progress(both[0], told))
    assert await stock.parcel(both[0]) is None
    assert (await stock.message(both[0]))["state"] == told
    assert await stock.parcel(both[1]) is not None


async def test_messages_are_found_by_our_id_within_their_pools(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    async with stock.database.transaction() as connection:
        found = await messages.find_by_id(connection, [POOL], [message, UUID(int=9)])
        assert await messages.find_by_id(connection, [SECOND_POOL], [message]) == {}
    assert found == {message: (POOL, message, ANNA, NUMBER, S.RESERVED, Hold.RESERVED, None)}


async def test_messages_without_our_mark_are_found_by_metas_id(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW, business_initiated=False)
    async with stock.database.transaction() as connection:
        await messages.remember_wamids(connection, [answer(message)])
        await messages.remember_wamids(connection, [answer(message)])
        found = await messages.find_by_wamid(connection, [WAMID, "wamid.stranger"])
    assert found == {WAMID: (POOL, message, ANNA, NUMBER, S.RESERVED, None, None)}


async def test_progress_is_written_and_what_was_known_is_kept(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    await move(stock, progress(message, S.SENT, sent_at=NOW))
    await move(
        stock, progress(message, S.DELIVERED, settles=True, sent_at=NOW + HOUR, delivered_at=NOW)
    )
    row = await stock.message(message)
    assert (row["state"], row["hold"], row["wamid"]) == ("delivered", "settled", WAMID)
    assert (row["sent_at"], row["delivered_at"], row["read_at"]) == (NOW, NOW, None)


async def test_of_two_hours_told_of_one_step_the_earlier_is_kept(stock: Stock) -> None:
    for hours in ((0, 1), (1, 0)):
        message = await stock.send(ANNA, NOW)
        for each in hours:
            await move(stock, progress(message, S.READ, read_at=NOW + each * HOUR))
        assert (await stock.message(message))["read_at"] == NOW


@pytest.mark.parametrize("hold", ["released", None])
async def test_only_a_reserved_slot_is_settled(stock: Stock, hold: str | None) -> None:
    message = await stock.send(ANNA, NOW, business_initiated=False)
    await stock.fetch("update messages set hold = $1", hold)
    await move(stock, progress(message, S.DELIVERED, settles=True))
    assert (await stock.message(message))["hold"] == hold


async def test_what_was_never_answered_is_put_in_doubt_between_two_ids(stock: Stock) -> None:
    old, due, answered, fresh = [
        await stock.send(ANNA, NOW - hours * HOUR) for hours in (30, 2, 2, 0)
    ]
    await stock.state(answered, "accepted")
    async with stock.database.connection() as connection:
        bounds = NOW - DAY, NOW - HOUR
        assert await messages.doubt_unanswered(connection, *bounds, HOUR) == 1
    states = [(await stock.message(each))["state"] for each in (old, due, answered, fresh)]
    assert states == ["reserved", "in_doubt", "accepted", "reserved"]


async def test_what_was_parked_is_in_doubt_a_time_after_it_was_admitted(stock: Stock) -> None:
    old, due, fresh = [await stock.send(ANNA, NOW - 3 * DAY) for _ in range(3)]
    for message, hours in ((due, 2), (fresh, 0)):
        await stock.admitted(message, NOW - hours * HOUR)
    async with stock.database.connection() as connection:
        bounds = NOW - DAY, NOW - HOUR
        assert await messages.doubt_unanswered(connection, *bounds, HOUR) == 1
    states = [(await stock.message(each))["state"] for each in (old, due, fresh)]
    assert states == ["reserved", "in_doubt", "reserved"]


async def test_a_slot_without_an_answer_ages_from_when_the_message_may_have_left(
    stock: Stock,
) -> None:
    """Meta counts from when it takes a message, which may have waited here for its turn."""
    await stock.send(ANNA, NOW - HOUR)
    reply = await stock.send(BEN, NOW - HOUR, business_initiated=False)
    async with stock.database.connection() as connection:
        bounds = NOW - DAY, NOW
        assert await messages.doubt_unanswered(connection, *bounds, HOUR) == 2
    assert await stock.ledger() == {ANNA: NOW}
    assert (await stock.message(reply))["answered_at"] == NOW


async def test_a_slot_ages_from_the_first_status_where_no_answer_was_heard(stock: Stock) -> None:
    unanswered, answered = await stock.send(ANNA, NOW - HOUR), await stock.send(BEN, NOW - HOUR)
    await record(stock, answer(answered)._replace(answered_at=NOW - HOUR))
    await move(stock, progress(unanswered, S.SENT), progress(answered, S.SENT))
    assert await stock.ledger() == {ANNA: NOW, BEN: NOW - HOUR}


async def test_a_story_names_the_app(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    async with stock.database.connection() as connection:
        app = App("shop", "The shop", b"hash", Credential.GATEWAY_KEY)
        await apps.put(connection, app, NOW)
        story = await messages.story(connection, message)
        assert await messages.story(connection, UUID(int=9)) is None
    assert story is not None
    assert (story["message_id"], story["app_name"]) == (message, "The shop")


async def test_the_journal_is_paged_newest_first_across_pools(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    sent = [
        await stock.send(ANNA, NOW + n * HOUR, pool_id=SECOND_POOL if n % 2 else POOL)
        for n in range(5)
    ]
    newest = sent[::-1]
    assert await page(stock) == newest
    assert await page(stock, limit=2) == newest[:2]
    assert await page(stock, limit=2, before=newest[1]) == newest[2:4]
    assert await page(stock, pool_id=POOL) == newest[::2]


async def test_the_journal_is_filtered(stock: Stock) -> None:
    to_anna = await stock.send(ANNA, NOW)
    to_ben = await stock.send(
        BEN, NOW + HOUR, phone_number_id=SECOND_NUMBER, decision="defer", rule="pair_rate"
    )
    await stock.state(to_anna, "sent")
    assert await page(stock, user_id=ANNA) == [to_anna]
    assert await page(stock, phone_number_id=SECOND_NUMBER) == [to_ben]
    assert await page(stock, state="sent") == [to_anna]
    assert await page(stock, decision="defer") == [to_ben]
    assert await page(stock, rule="pair_rate") == [to_ben]
    assert await page(stock, user_id=ANNA, rule="pair_rate") == []
