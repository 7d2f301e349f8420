"""What is known of a message counts, however late: neither is it lost, nor is it sent once more."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from gateway.cloud.outcome import InDoubt, Outcome
from gateway.outbound.contents import Contents, pack
from gateway.outbound.doubts import DoubtParts, Doubts
from gateway.outbound.pacing import CongestedError
from gateway.outbound.parcels import Wishes
from gateway.policy.lifecycle import MessageState
from gateway.policy.send_class import SendClass
from gateway.store import messages, outbox, quota
from gateway.store.errors import StoreUnavailableError
from gateway.store.messages import Answer
from gateway.store.outbox import Claimed, Due, Lease
from tests.outbound.making import user
from tests.outbound.office import ACCEPTED, VAULT, Office, office, refused, running
from tests.policy.making import DAY, HOUR, NOW, POOL
from tests.store.stocked import Stock
from tests.world import until

__all__ = ["office"]

PATIENCE: Final = timedelta(seconds=120)
SILENT: Final = InDoubt(None, "no answer", timed_out=True)
AGAIN: Final = Wishes(resends=dict.fromkeys(SendClass, True))
WAITS: Final = Wishes(responds_async=True)
LOOK_BACK: Final = NOW - DAY


def doubts(office: Office) -> Doubts:
    parts = DoubtParts(office.stock.database, VAULT, office.clock, office.stock.ids, office.metrics)
    return Doubts(parts, PATIENCE)


async def given_up(office: Office, wishes: Wishes = AGAIN) -> tuple[UUID, UUID]:
    """Have a message given up, and the one parked that is sent in its place; return both."""
    office.cloud.outcome = SILENT
    first, _ = await office.take(1, wishes)
    await office.answers.flushed()
    office.cloud.outcome = ACCEPTED
    office.cloud.seen.clear()
    office.clock.advance(PATIENCE)
    assert await doubts(office).run_once() == 1
    second: UUID = await office.stock.value(
        "select message_id from messages where resend_of = $1", first
    )
    return first, second


async def ended(office: Office) -> None:
    """Let a process be gone that has reserved, and its doubts come to their end."""
    async with office.stock.database.connection() as connection:
        now = office.clock.now()
        await messages.doubt_unanswered(connection, LOOK_BACK, now, PATIENCE)
    office.clock.advance(PATIENCE)
    await doubts(office).run_once()


async def written(office: Office, message_id: UUID, state: MessageState, **more: Any) -> None:
    """Have an answer come, and be written."""
    plain = Answer(POOL, message_id, state, None, None, None, office.clock.now())
    office.answers.record(plain._replace(**more), correlated=True)
    await office.answers.flushed()


# --- the second, when the first turns out to have arrived


async def put_back(stock: Stock, claimed: Claimed, lease: Lease) -> None:
    async with stock.database.connection() as connection:
        waiting = Due(POOL, claimed.message_id, None, "throughput", "the line is long")
        await outbox.put_back(connection, [waiting], lease)


async def lapse(stock: Stock, _claimed: Claimed, lease: Lease) -> None:
    async with stock.database.connection() as connection:
        await outbox.rescue(connection, lease.until)


@pytest.mark.parametrize("comes_back", [put_back, lapse])
async def test_a_second_that_was_claimed_just_then_does_not_go_when_it_comes_back_to_wait(
    office: Office, comes_back: Callable[[Stock, Claimed, Lease], Awaitable[None]]
) -> None:
    """In a long line it is claimed nearly all of the time: ten seconds, and put back."""
    first, second = await given_up(office)
    now = office.clock.now()
    lease = Lease(UUID(int=9), now, now + timedelta(minutes=1))
    async with office.stock.database.connection() as connection:
        (due,) = await outbox.due(connection, now)
        (claimed,) = await outbox.claim(connection, {due.group: 1}, lease)
    await office.stock.state(first, "delivered")
    await comes_back(office.stock, claimed, lease)

    office.clock.advance(HOUR)
    await office.release(rounds=2)
    assert office.cloud.seen == []
    assert await office.state(second) == "cancelled"


async def test_a_second_that_meta_did_not_take_yet_does_not_go_again(office: Office) -> None:
    first, second = await given_up(office)
    office.cloud.outcome = refused(130429)
    office.cloud.goes.clear()
    await office.releaser.run_once()

    async def is_on_its_way() -> bool:
        return len(office.cloud.seen) == 1

    await until(is_on_its_way, "the second on its way")
    await office.stock.state(first, "delivered")
    office.cloud.goes.set()
    await office.releaser.close()
    await office.answers.flushed()
    office.cloud.outcome = ACCEPTED
    office.clock.advance(HOUR)
    await office.release(rounds=2)
    assert len(office.cloud.seen) == 1, "the first has arrived, and this one was refused"
    assert await office.state(second) in {"cancelled", "refused"}


@pytest.mark.parametrize("between", ["failed", "in_doubt"])
async def test_the_second_is_called_off_whatever_was_heard_of_the_first_in_between(
    office: Office, between: str
) -> None:
    first, second = await given_up(office)
    if between == "in_doubt":
        await written(office, first, MessageState.IN_DOUBT)
        assert await office.state(first) == "unknown"
    else:
        await office.stock.state(first, between)
    await office.stock.state(first, "delivered")
    await office.release()
    assert office.cloud.seen == []
    assert await office.state(second) == "cancelled"


async def test_the_second_is_called_off_if_the_app_was_told_that_the_first_was_refused(
    office: Office,
) -> None:
    """The answer was given at once; only its writing had to wait for the database."""
    first, second = await given_up(office)
    await written(office, first, MessageState.REFUSED, code=131026, attempt=0)
    assert await office.state(first) == "refused"
    await office.release()
    assert office.cloud.seen == []
    assert await office.state(second) == "cancelled"


# --- an answer that could not be written in time


@asynccontextmanager
async def slow(office: Office, outcome: Outcome, **parcel: Any) -> AsyncIterator[UUID]:
    """Have a message that was parked be on its way, and be given up before the answer comes."""
    message_id = await office.park(1, **parcel)
    office.cloud.outcome = outcome
    office.cloud.goes.clear()
    await office.releaser.run_once()

    async def is_on_its_way() -> bool:
        return len(office.cloud.seen) == 1

    await until(is_on_its_way, "a message on its way")
    office.clock.advance(PATIENCE)
    await ended(office)
    assert await office.state(message_id) == "unknown"
    yield message_id
    office.cloud.outcome = ACCEPTED


async def its_answer(office: Office) -> None:
    office.cloud.goes.set()
    await office.releaser.close()
    await office.answers.flushed()


@pytest.mark.parametrize("resends", [False, True])
async def test_that_meta_took_it_is_known_although_it_was_given_up(
    office: Office, *, resends: bool
) -> None:
    async with slow(office, ACCEPTED, resends=resends) as message_id:
        await its_answer(office)
        row = await office.stock.message(message_id)
        assert (row["state"], row["wamid"]) == ("accepted", "wamid.made-up")
        await office.release()
        assert len(office.cloud.seen) == 1, "the second is called off"
        assert await office.stock.value("select count(*) from outbox") == 0


async def test_that_meta_refused_it_is_known_although_it_was_given_up(office: Office) -> None:
    async with slow(office, refused(131026)) as message_id:
        await its_answer(office)
        row = await office.stock.message(message_id)
        assert (row["state"], row["code"], row["hold"]) == ("refused", 131026, "released")
        assert await office.stock.ledger() == {}


async def test_meta_id_of_what_carries_none_of_ours_is_known_although_it_was_given_up(
    office: Office,
) -> None:
    """Or no status of it would ever find it."""
    contents = Contents(
        b'{"messaging_product":"whatsapp","to":"+%s","type":"template","template":'
        b'{"name":"order_update","language":{"code":"en_US"}}}' % user(1).encode(),
        [],
        None,
    )
    async with slow(office, ACCEPTED, sealed=pack(contents, VAULT), correlated=False):
        await its_answer(office)
        assert await office.stock.value("select count(*) from wamids") == 1


# --- what is known never to have left


@pytest.mark.parametrize("way", ["released", "direct"])
async def test_what_was_admitted_unheard_has_not_left_and_is_not_lost(
    office: Office, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The desk's write is committed, the connection gone: its process knows that nothing left."""
    reserve = quota.reserve

    async def unheard(*arguments: Any) -> quota.Reserved:
        await reserve(*arguments)
        raise StoreUnavailableError("the connection was lost")

    message_id = await office.park(1) if way == "released" else None
    with monkeypatch.context() as cut:
        cut.setattr(quota, "reserve", unheard)
        if message_id is None:
            with pytest.raises(StoreUnavailableError):
                await office.take(1, WAITS)
        else:
            await office.release()
    assert office.cloud.seen == []

    await office.answers.flushed()
    office.clock.advance(PATIENCE)
    await ended(office)
    await office.release(rounds=2)
    assert office.cloud.users == [user(1)]
    assert await office.stock.value("select state from messages") == "accepted"


async def test_a_process_that_stood_still_does_not_send_what_was_given_up_meanwhile(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped, or swapped out, between desk and wire; another process has taken it for dead."""
    turn = office.line.turn

    async def stands_still() -> None:
        await turn()
        office.clock.advance(PATIENCE)
        await ended(office)
        other.clock.at = office.clock.now()
        assert await other.release() == 1

    async with running(Office(office.stock.database, process=2)) as other:
        monkeypatch.setattr(office.line, "turn", stands_still)
        with suppress(CongestedError):
            await office.take(1, AGAIN)
        assert len(other.cloud.seen) == 1
    assert office.cloud.seen == []


# --- one that cannot be ended


async def test_one_that_cannot_be_read_does_not_keep_the_others_in_doubt(office: Office) -> None:
    """A version that reads more strictly than the one that parked it."""
    office.cloud.outcome = SILENT
    for number in (1, 2):
        await office.take(number, AGAIN)
    await office.answers.flushed()
    await office.stock.fetch(
        "update outbox set sealed = $1 where user_id = $2",
        pack(Contents(b'{"messaging_product":"whatsapp"}', [], None), VAULT),
        user(1),
    )
    office.clock.advance(PATIENCE)
    assert await doubts(office).run_once() == 2
    states = {
        row["user_id"]: row["state"]
        for row in await office.stock.fetch(
            "select user_id, state from messages where resend_of is null"
        )
    }
    assert states == {user(1): "unknown", user(2): "unknown"}
    assert await office.stock.value("select count(*) from outbox") == 1
