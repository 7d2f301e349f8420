import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from gateway.policy.parcel import RANKS, ParcelState
from gateway.policy.send_class import SendClass
from gateway.store import backlog, outbox
from gateway.store.backlog import STATES, Deed, Done, Order, ParcelFilter, Tally
from gateway.store.outbox import Due, Group, Lease
from gateway.whatsapp.ids import UserId
from tests.policy.making import DAY, HOUR, INSTANT, NOW, NUMBER, POOL, SECOND_NUMBER, SECOND_POOL
from tests.store.stocked import ANNA, BEN, CARLA, Stock
from tests.store.test_listener import listening, told

GROUP = Group(NUMBER, RANKS[SendClass.UTILITY], "shop", "")
LEASE = Lease(UUID(int=1), NOW, NOW + HOUR)
ANY = ParcelFilter()
CODE, MARKETING = SendClass.AUTHENTICATION, SendClass.MARKETING


def order(deed: Deed, until: datetime | None = None, at: datetime = NOW, **wanted: Any) -> Order:
    return Order(deed, ParcelFilter(**wanted), at, until)


async def do(stock: Stock, deed: Deed, until: datetime | None = None, **wanted: Any) -> int:
    """Do a deed; return to how many, having checked that the preview said the same."""
    ordered = order(deed, until, **wanted)
    previewed = await backlog.preview(stock.database, ordered)
    done = await backlog.do(stock.database, ordered)
    assert done == Done(previewed, more=False)
    return done.affected


async def put_aside(stock: Stock, state: str, user: UserId = ANNA, **changes: Any) -> UUID:
    """Have a parcel be in a state, with the journal as it is then."""
    message = await stock.park(user, **changes)
    await stock.fetch("update outbox set state = $2 where message_id = $1", message, state)
    if state in ("sending", "dead"):
        await stock.state(message, "reserved" if state == "sending" else "refused")
    return message


async def states(stock: Stock, *messages: UUID) -> list[tuple[str | None, str]]:
    """Return where each message is in outbox and journal."""
    found = []
    for message in messages:
        parcel = await stock.parcel(message)
        found.append((parcel["state"] if parcel else None, (await stock.message(message))["state"]))
    return found


async def claim(stock: Stock, most: int = 1000) -> list[UUID]:
    async with stock.database.connection() as connection:
        claimed = await outbox.claim(connection, {GROUP: most}, LEASE)
    return [each.message_id for each in claimed]


async def pages(stock: Stock, limit: int, wanted: ParcelFilter = ANY) -> list[list[UUID]]:
    found: list[list[UUID]] = []
    before = None
    while rows := await backlog.page(stock.database, wanted, before, limit):
        found.append([row["message_id"] for row in rows])
        before = found[-1][-1]
    return found


async def test_pages_go_from_the_newest_to_the_oldest_of_all_pools(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    parked = [
        await stock.park(at=NOW + n * INSTANT, pool_id=(POOL, SECOND_POOL)[n % 2]) for n in range(5)
    ]
    newest = sorted(parked, reverse=True)
    assert await pages(stock, 2) == [newest[:2], newest[2:4], newest[4:]]


async def test_a_page_says_why_it_waits_and_not_what_it_says(stock: Stock) -> None:
    message = await stock.park(sealed=b"a secret")
    assert await claim(stock) == [message]
    (row,) = await backlog.page(stock.database, ANY, None, 10)
    assert (row["rule"], row["detail"]) == ("throughput", "the line is long")
    assert (row["user_id"], row["claimed"], row["attempts"]) == (ANNA, True, 1)
    assert "sealed" not in dict(row)
    assert b"a secret" not in dict(row).values()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pool_id", SECOND_POOL),
        ("phone_number_id", SECOND_NUMBER),
        ("app_id", "bank"),
        ("send_class", MARKETING),
        ("user_id", BEN),
        ("rule", "redriven"),
        ("message_id", None),
    ],
)
async def test_every_question_and_every_deed_knows_every_filter(
    stock: Stock, name: str, value: Any
) -> None:
    """Each finds the one parcel that differs in one thing alone, and spares the other."""
    await stock.add_pool(SECOND_POOL)
    differs = {name: value} if value else {}
    other, message = await stock.park(), await stock.park(**differs)
    wanted = differs or {name: message}
    assert await pages(stock, 10, ParcelFilter(**wanted)) == [[message]]
    (tally,) = await backlog.count(stock.database, ParcelFilter(**wanted), NOW)
    assert tally.parcels == 1
    assert await do(stock, Deed.HOLD, **wanted) == 1
    assert await do(stock, Deed.RESUME, **wanted) == 1
    await stock.fetch("update outbox set state = 'dead'")
    await stock.fetch("update messages set state = 'refused'")
    assert await do(stock, Deed.REDRIVE, **wanted) == 1
    assert await do(stock, Deed.CANCEL, **wanted) == 1
    assert await states(stock, message, other) == [(None, "cancelled"), ("dead", "refused")]


async def test_what_is_alike_is_counted_together_the_first_class_first(stock: Stock) -> None:
    await stock.park(due_at=NOW + HOUR)
    await stock.park(BEN, due_at=NOW, expires_at=NOW)
    await claim(stock, 1)
    await put_aside(stock, "dead", rule="upstream", send_class=MARKETING)
    await stock.park(phone_number_id=SECOND_NUMBER)
    await stock.park(send_class=CODE)
    assert await backlog.count(stock.database, ANY, NOW) == [
        Tally(NUMBER, "authentication", "parked", "throughput", 1, NOW, 0, 0),
        Tally(NUMBER, "utility", "parked", "throughput", 2, NOW, 1, 1),
        Tally(NUMBER, "marketing", "dead", "upstream", 1, NOW, 0, 0),
        Tally(SECOND_NUMBER, "utility", "parked", "throughput", 1, NOW, 0, 0),
    ]
    wanted = ParcelFilter(state=ParcelState.DEAD)
    (tally,) = await backlog.count(stock.database, wanted, NOW)
    assert tally.state == "dead"


@pytest.mark.parametrize("state", ParcelState)
@pytest.mark.parametrize("deed", Deed)
async def test_a_deed_is_done_to_what_is_in_one_of_its_states_only(
    stock: Stock, deed: Deed, state: ParcelState
) -> None:
    message = await put_aside(stock, state)
    before = await states(stock, message)
    meant = state in STATES[deed]
    # The dead are cancelled where somebody says so, and not with the rest.
    unsaid = meant and (deed, state) != (Deed.CANCEL, ParcelState.DEAD)
    assert await do(stock, deed) == unsaid
    if not unsaid and meant:
        assert await states(stock, message) == before
        assert await do(stock, deed, state=state) == 1
    after = {
        Deed.CANCEL: (None, "refused" if state is ParcelState.DEAD else "cancelled"),
        Deed.HOLD: ("held", "parked"),
        Deed.RESUME: ("parked", "parked"),
        Deed.REDRIVE: ("parked", "parked"),
    }
    assert await states(stock, message) == ([after[deed]] if meant else before)


@pytest.mark.parametrize("deed", [Deed.CANCEL, Deed.HOLD])
async def test_a_lease_keeps_operators_away(stock: Stock, deed: Deed) -> None:
    claimed, waiting = await stock.park(), await stock.park(BEN, due_at=NOW + INSTANT)
    assert await claim(stock, 1) == [claimed]
    assert await do(stock, deed) == 1
    parcel = await stock.parcel(claimed)
    assert parcel is not None
    assert (parcel["state"], parcel["leased_by"]) == ("parked", LEASE.process_id)
    assert await states(stock, claimed, waiting) != [("parked", "parked")] * 2
    async with stock.database.connection() as connection:
        await outbox.put_back(connection, [Due(POOL, claimed, NOW, "x", None)], LEASE)
    assert await do(stock, deed) == 1


async def test_whoever_is_just_claiming_is_not_waited_for(stock: Stock) -> None:
    claimed, waiting = await stock.park(), await stock.park(BEN, due_at=NOW + INSTANT)
    async with stock.database.transaction() as connection:
        await outbox.claim(connection, {GROUP: 1}, LEASE)
        done = await backlog.do(stock.database, order(Deed.CANCEL))
    assert done.affected == 1
    assert await states(stock, claimed, waiting) == [("parked", "parked"), (None, "cancelled")]


async def test_what_an_operator_has_taken_is_not_claimed(stock: Stock) -> None:
    cancelled, held = await stock.park(), await stock.park(BEN)
    assert await do(stock, Deed.CANCEL, message_id=cancelled) == 1
    assert await do(stock, Deed.HOLD, user_id=BEN) == 1
    assert await claim(stock) == []
    assert await do(stock, Deed.RESUME) == 1
    assert await claim(stock) == [held]
    row = await stock.message(cancelled)
    assert (row["state"], row["retry_at"]) == ("cancelled", None)


async def test_what_is_held_expires(stock: Stock) -> None:
    message = await stock.park(expires_at=NOW + HOUR)
    await do(stock, Deed.HOLD)
    async with stock.database.connection() as connection:
        assert await outbox.expire(connection, NOW + HOUR) == [(POOL, message, "shop")]
    assert await states(stock, message) == [(None, "expired")]


async def test_what_is_parked_after_a_deed_began_is_left_alone(stock: Stock) -> None:
    message = await stock.park(at=NOW + INSTANT)
    assert await do(stock, Deed.HOLD) == 0
    assert await states(stock, message) == [("parked", "parked")]


async def refused(stock: Stock, user: UserId = ANNA, attempts: int = 1, **changes: Any) -> UUID:
    """Have a message be refused by Meta for good, after so many attempts."""
    message = await stock.send(user, NOW - HOUR, **changes)
    await stock.sending(message, attempts)
    await stock.fetch(
        "update messages set state = 'refused', hold = 'released', code = 131026, detail = 'no',"
        " answered_at = $2 where message_id = $1",
        message,
        NOW,
    )
    async with stock.database.connection() as connection:
        await outbox.bury(connection, [Due(POOL, message, NOW, "upstream", "131026: no")])
    return message


async def test_what_is_redriven_waits_as_if_it_had_just_been_parked(stock: Stock) -> None:
    message = await refused(stock, attempts=7)
    assert await do(stock, Deed.REDRIVE) == 1
    row = await stock.message(message)
    assert (row["state"], row["hold"], row["answered_at"]) == ("parked", "released", None)
    assert (row["decision"], row["rule"], row["retry_at"]) == ("defer", "redriven", NOW)
    assert (row["code"], row["detail"]) == (None, None)
    parcel = await stock.parcel(message)
    assert parcel is not None
    assert (parcel["state"], parcel["rule"], parcel["detail"]) == ("parked", "redriven", None)
    assert (parcel["due_at"], parcel["topic"]) == (NOW, "")
    assert await claim(stock) == [message]


async def test_attempts_before_do_not_count_but_are_not_taken_for_those_after(
    stock: Stock,
) -> None:
    message = await refused(stock, attempts=10)
    await do(stock, Deed.REDRIVE)
    assert await claim(stock) == [message]
    await stock.fetch("update outbox set state = 'sending'")
    async with stock.database.connection() as connection:
        found = await outbox.attempts(connection, [(POOL, message)])
    assert found == {message: 11}
    assert await stock.value("select forgiven from outbox") == 10


@pytest.mark.parametrize("state", ["refused", "turned_away"])
async def test_what_never_arrived_is_redriven(stock: Stock, state: str) -> None:
    message = await put_aside(stock, "dead")
    await stock.state(message, state)
    assert await do(stock, Deed.REDRIVE) == 1


@pytest.mark.parametrize("state", ["failed", "in_doubt", "accepted", "sent", "delivered", "read"])
async def test_what_may_have_arrived_is_not_redriven(stock: Stock, state: str) -> None:
    message = await put_aside(stock, "dead")
    await stock.state(message, state)
    assert await do(stock, Deed.REDRIVE) == 0
    kept = "dead" if state in {"in_doubt", "accepted"} else None  # a status takes it out
    assert await states(stock, message) == [(kept, state)]


@pytest.mark.parametrize("arrives", [True, False])
async def test_what_arrives_while_it_is_redriven_is_not_sent_again(
    stock: Stock, *, arrives: bool
) -> None:
    message = await refused(stock)
    async with stock.database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("update messages set state = 'delivered'")
        left = await backlog.do(stock.database, order(Deed.REDRIVE))
        assert left.affected == 0, "it is left to whoever writes it"
        await (transaction.commit() if arrives else transaction.rollback())
    assert await do(stock, Deed.REDRIVE) == (not arrives)
    expected = (None, "delivered") if arrives else ("parked", "parked")
    assert await states(stock, message) == [expected]


async def resent(stock: Stock) -> tuple[UUID, UUID]:
    """Have a message be given up, sent once more, and be refused then; return both."""
    first, second = await stock.send(ANNA, NOW - HOUR), await refused(stock)
    await stock.state(first, "in_doubt")
    await stock.state(first, "unknown")
    await stock.fetch("update messages set resend_of = $2 where message_id = $1", second, first)
    return first, second


async def test_what_was_sent_once_more_is_redriven_unless_the_first_has_arrived(
    stock: Stock,
) -> None:
    first, second = await resent(stock)
    await stock.state(first, "delivered")
    assert await do(stock, Deed.REDRIVE) == 0
    await stock.state(first, "unknown")
    assert await do(stock, Deed.REDRIVE) == 1
    assert await states(stock, second) == [("parked", "parked")]


async def test_a_first_that_arrives_during_the_redriving_is_waited_for(stock: Stock) -> None:
    first, second = await resent(stock)
    async with stock.database.transaction() as connection:
        await connection.execute(
            "update messages set state = 'delivered' where message_id = $1", first
        )
        redriving = asyncio.create_task(backlog.do(stock.database, order(Deed.REDRIVE)))
        await stock.waiting_for_a_lock(1)
    assert (await redriving).affected == 0
    assert await states(stock, second) == [("dead", "refused")]


async def test_what_has_expired_needs_a_new_expiry_and_a_code_gets_none(stock: Stock) -> None:
    late = await put_aside(stock, "dead", expires_at=NOW)
    code = await put_aside(stock, "dead", expires_at=NOW, send_class=CODE)
    fresh_code = await put_aside(stock, "dead", expires_at=NOW + INSTANT, send_class=CODE)
    fresh = await put_aside(stock, "dead", expires_at=NOW + INSTANT)
    assert await do(stock, Deed.REDRIVE, message_id=fresh) == 1
    assert await do(stock, Deed.REDRIVE, until=NOW + DAY) == 2
    for message, expires_at in ((late, NOW + DAY), (fresh, NOW + INSTANT)):
        parcel = await stock.parcel(message)
        assert parcel is not None
        assert (parcel["state"], parcel["expires_at"]) == ("parked", expires_at)
    parcel = await stock.parcel(fresh_code)
    assert parcel is not None
    assert (parcel["state"], parcel["expires_at"]) == ("parked", NOW + INSTANT)
    assert await states(stock, code) == [("dead", "refused")]


@pytest.mark.parametrize("deed", Deed)
async def test_a_deed_goes_in_bites_and_stops_where_there_is_too_much(
    stock: Stock, monkeypatch: pytest.MonkeyPatch, deed: Deed
) -> None:
    monkeypatch.setattr(backlog, "BITE", 2)
    monkeypatch.setattr(backlog, "MOST_AT_ONCE", 4)
    state = STATES[deed][0]
    for user in (ANNA, BEN, CARLA) * 2:
        await put_aside(stock, state, user)
    ordered = order(deed)
    assert await backlog.do(stock.database, ordered) == Done(4, more=True)
    assert await backlog.do(stock.database, ordered) == Done(2, more=False)
    assert await backlog.preview(stock.database, ordered) == 0


async def test_what_cannot_be_redriven_is_not_in_the_others_way(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "BITE", 1)
    monkeypatch.setattr(backlog, "MOST_AT_ONCE", 2)
    for _ in range(3):
        await stock.state(await put_aside(stock, "dead"), "delivered")
    message = await put_aside(stock, "dead", BEN)
    assert await backlog.do(stock.database, order(Deed.REDRIVE)) == Done(1, more=False)
    assert await states(stock, message) == [("parked", "parked")]


@pytest.mark.parametrize("deed", Deed)
async def test_who_lets_messages_wait_hears_of_a_deed_in_its_pool_alone(
    stock: Stock, database_url: str, deed: Deed
) -> None:
    await stock.add_pool(SECOND_POOL)
    await put_aside(stock, STATES[deed][0])
    async with listening(database_url) as heard:
        assert await do(stock, deed, pool_id=SECOND_POOL) == 0
        assert await do(stock, deed) == 1
        assert await told(heard) == POOL


async def test_a_count_is_in_nobodys_way(stock: Stock) -> None:
    """What it reads is not locked, and what others have locked is read."""
    message = await stock.park()
    async with stock.database.transaction() as connection:
        await outbox.claim(connection, {GROUP: 1}, LEASE)
        (tally,) = await backlog.count(stock.database, ANY, NOW)
        assert tally.parcels == await backlog.preview(stock.database, order(Deed.HOLD)) == 1
    assert await states(stock, message) == [("parked", "parked")]
