from datetime import datetime, timedelta
from uuid import UUID

import pytest

from gateway.policy.lifecycle import MessageState
from gateway.policy.send_class import SendClass
from gateway.store import doubts, messages
from gateway.store.doubts import GivenUp, Silence
from gateway.store.messages import Answer
from tests.policy.making import DAY, HOUR, INSTANT, NOW, NUMBER, POOL, SECOND_NUMBER
from tests.store.stocked import ANNA, BEN, Stock

MANY = 100
LATER = NOW + HOUR


async def doubted(stock: Stock, at: datetime = NOW, **parcel: object) -> UUID:
    """Have a message be in doubt from an hour on; `parcel` are columns of what is kept of it."""
    message_id = await stock.send(ANNA, at)
    if parcel:
        await stock.sending(message_id, attempts=1)
        for column, value in parcel.items():
            await stock.fetch(
                f"update outbox set {column} = $2 where message_id = $1",  # noqa: S608
                message_id,
                value,
            )
    await answered(stock, message_id, MessageState.IN_DOUBT, at)
    return message_id


async def answered(stock: Stock, message_id: UUID, state: MessageState, at: datetime) -> None:
    answer = Answer(POOL, message_id, state, None, None, None, at)
    async with stock.database.connection() as connection:
        await messages.record_answers(connection, [answer])


async def give_up(stock: Stock, since: datetime = NOW, now: datetime = NOW) -> list[GivenUp]:
    async with stock.database.transaction() as connection:
        return await doubts.give_up(connection, since, now, MANY)


async def state(stock: Stock, message_id: UUID) -> str:
    row = await stock.message(message_id)
    return str(row["state"])


async def test_a_doubt_of_that_age_is_given_up_once(stock: Stock) -> None:
    old, young = await doubted(stock), await doubted(stock, NOW + INSTANT)
    (found,) = await give_up(stock)
    assert (found.message_id, found.type, found.category, found.kept) == (
        old,
        "template",
        "UTILITY",
        None,
    )
    assert await give_up(stock) == []
    assert (await state(stock, old), await state(stock, young)) == ("unknown", "in_doubt")
    assert (await stock.message(old))["hold"] == "reserved", "it may have arrived"


async def test_no_more_are_given_up_at_once_than_asked_for(stock: Stock) -> None:
    ids = [await doubted(stock, NOW - n * HOUR) for n in range(3)]
    async with stock.database.transaction() as connection:
        found = await doubts.give_up(connection, NOW, NOW, 2)
    assert {each.message_id for each in found} == set(ids[1:])


async def test_what_somebody_is_just_writing_is_passed_over(stock: Stock) -> None:
    message_id = await doubted(stock)
    async with stock.database.transaction() as connection:
        await messages.find_by_id(connection, [POOL], [message_id])
        assert await give_up(stock) == []
    assert len(await give_up(stock)) == 1


async def test_what_is_to_be_sent_once_more_is_kept_and_its_parcel_leaves(stock: Stock) -> None:
    await doubted(stock, resends=True, sealed=b"sealed", send_class="authentication", rank=0)
    (found,) = await give_up(stock)
    assert found.kept is not None
    assert found.kept.send_class is SendClass.AUTHENTICATION
    assert (found.kept.sealed, found.kept.user_id, found.kept.rank) == (b"sealed", ANNA, 0)
    assert found.kept.expires_at == NOW + DAY
    assert await stock.value("select count(*) from outbox") == 0


@pytest.mark.parametrize("now", [NOW + DAY, NOW + DAY - INSTANT])
async def test_what_is_of_no_use_any_more_is_not_kept(stock: Stock, now: datetime) -> None:
    await doubted(stock, resends=True)
    (found,) = await give_up(stock, now=now)
    assert (found.kept is None) == (now >= NOW + DAY)


async def test_what_was_sent_once_more_already_is_not_kept(stock: Stock) -> None:
    first = await doubted(stock)
    message_id = await doubted(stock, resends=True)
    await stock.fetch("update messages set resend_of = $2 where message_id = $1", message_id, first)
    found = await give_up(stock)
    assert [each.kept for each in found] == [None, None]


async def test_what_only_waits_for_its_outcome_leaves_the_outbox(stock: Stock) -> None:
    await doubted(stock, resends=False)
    assert [each.kept for each in await give_up(stock)] == [None]
    assert await stock.value("select count(*) from outbox") == 0


@pytest.mark.parametrize("first", ["in_doubt", "unknown", "reserved"])
@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
async def test_a_status_ends_the_doubt_and_takes_the_parcel_out(
    stock: Stock, first: str, status: str
) -> None:
    message_id = await stock.send(ANNA, NOW)
    await stock.sending(message_id, attempts=1)
    if first != "reserved":
        await answered(stock, message_id, MessageState.IN_DOUBT, NOW)
        await stock.state(message_id, first)
    await stock.state(message_id, status)
    assert await stock.value("select count(*) from outbox") == 0
    assert await stock.value("select count(*) from doubts") == 0
    assert await give_up(stock, LATER) == []


async def test_a_refusal_leaves_the_parcel_to_whoever_writes_the_answer(stock: Stock) -> None:
    message_id = await doubted(stock, resends=False)
    await answered(stock, message_id, MessageState.REFUSED, LATER)
    assert await stock.value("select state from outbox") == "sending"
    assert await stock.value("select count(*) from doubts") == 0


@pytest.mark.parametrize("status", ["accepted", "delivered", "refused", "failed"])
@pytest.mark.parametrize("claimed", [False, True])
async def test_the_second_is_called_off_once_it_is_known_what_became_of_the_first(
    stock: Stock, status: str, *, claimed: bool
) -> None:
    first = await doubted(stock)
    await give_up(stock)
    second = await stock.park(resend_of=first)
    if claimed:
        await stock.fetch("update outbox set leased_by = $1, leased_until = $2", UUID(int=1), LATER)
    await stock.state(first, status)
    called_off = status != "failed"  # it may still be wanted
    assert await state(stock, second) == ("cancelled" if called_off else "parked")
    assert await stock.value("select count(*) from outbox") == (0 if called_off else 1)


async def test_silence_is_counted_by_number(stock: Stock) -> None:
    for n, status in enumerate(("accepted", "accepted", "delivered", "in_doubt", "refused")):
        await stock.state(await stock.send(ANNA, NOW + n * timedelta(minutes=1)), status)
    other = await stock.send(BEN, NOW, phone_number_id=SECOND_NUMBER)
    await stock.state(other, "read")
    released = await stock.send(BEN, NOW - DAY)
    await stock.admitted(released, NOW + timedelta(minutes=1))
    await stock.state(released, "accepted")
    early = await stock.send(BEN, NOW - timedelta(seconds=1))
    await stock.state(early, "accepted")
    async with stock.database.connection() as connection:
        found = await doubts.silences(connection, NOW - timedelta(milliseconds=1), LATER)
        assert found == [Silence(NUMBER, 4, 3)]
        assert await doubts.silences(connection, LATER, LATER + HOUR) == []
