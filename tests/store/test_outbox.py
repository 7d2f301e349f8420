import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from gateway.policy.parcel import RANKS
from gateway.policy.send_class import SendClass
from gateway.store import outbox
from gateway.store.outbox import DEAD_KEPT, Claimed, Due, Group, Lease
from tests.policy.making import (
    DAY,
    HOUR,
    INSTANT,
    NOW,
    NUMBER,
    POOL,
    SECOND_NUMBER,
    WABA,
)
from tests.store.stocked import ANNA, BEN, CARLA, Stock, parked_row

ONE, OTHER = UUID(int=1), UUID(int=2)
GROUP = Group(NUMBER, RANKS[SendClass.UTILITY], "shop", "")
MINUTE = timedelta(minutes=1)
LEASE = Lease(ONE, NOW, NOW + MINUTE)
MANY = 1000


async def claim(stock: Stock, most: int = MANY, lease: Lease = LEASE) -> list[UUID]:
    """Claim of the one group; return the ids in the order they came."""
    return [each.message_id for each in await claimed(stock, {GROUP: most}, lease)]


async def claimed(stock: Stock, most: dict[Group, int], lease: Lease = LEASE) -> list[Claimed]:
    async with stock.database.connection() as connection:
        return await outbox.claim(connection, most, lease)


async def put_back(
    stock: Stock, message: UUID, due_at: datetime | None, lease: Lease = LEASE
) -> None:
    due = Due(POOL, message, due_at, "throughput", "later")
    async with stock.database.connection() as connection:
        await outbox.put_back(connection, [due], lease)


async def groups(stock: Stock, now: datetime = NOW) -> list[Group]:
    async with stock.database.connection() as connection:
        return [each.group for each in await outbox.due(connection, now)]


async def rescue(stock: Stock, now: datetime) -> int:
    async with stock.database.connection() as connection:
        return await outbox.rescue(connection, now)


async def expire(stock: Stock, now: datetime) -> list[UUID]:
    async with stock.database.connection() as connection:
        return [message for _, message, _ in await outbox.expire(connection, now)]


async def where(stock: Stock, message: UUID) -> tuple[Any, ...] | None:
    """Return where a parcel is, whose it is, and for the how manyeth time, by what counts."""
    row = await stock.parcel(message)
    tries = row and row["attempts"] - row["forgiven"]
    return None if row is None else (row["state"], row["leased_by"], tries)


async def test_what_is_parked_is_in_journal_and_outbox(stock: Stock) -> None:
    message = await stock.park(due_at=NOW + HOUR, sealed=b"\0\xff", resends=True)
    row = await stock.message(message)
    assert (row["state"], row["decision"], row["hold"]) == ("parked", "defer", None)
    assert (row["rule"], row["retry_at"], row["created_at"]) == ("throughput", NOW + HOUR, NOW)
    parcel = await stock.parcel(message)
    assert parcel is not None
    assert (parcel["sealed"], parcel["resends"], parcel["attempts"]) == (b"\0\xff", True, 0)
    assert (parcel["due_at"], parcel["expires_at"]) == (NOW + HOUR, NOW + DAY)
    assert await stock.ledger() == {}


async def test_all_are_parked_or_none(stock: Stock) -> None:
    message = await stock.park()
    rows = [parked_row(stock.ids.new(NOW), BEN, NOW), parked_row(message, ANNA, NOW)]
    with pytest.raises(asyncpg.UniqueViolationError):
        async with stock.database.connection() as connection:
            await outbox.park(connection, rows)
    for table in ("messages", "outbox"):
        assert await stock.value(f"select count(*) from {table}") == 1  # noqa: S608


async def test_what_is_claimed_has_everything_that_is_needed(stock: Stock) -> None:
    message = await stock.park()
    (one,) = await claimed(stock, {GROUP: 1})
    assert one == Claimed(
        pool_id=POOL,
        message_id=message,
        phone_number_id=NUMBER,
        waba_id=WABA,
        user_id=ANNA,
        app_id="shop",
        send_class=SendClass.UTILITY,
        rank=2,
        topic="",
        path="/v25.0/1/messages",
        sealed=b"sealed",
        resends=False,
        due_at=NOW,
        expires_at=NOW + DAY,
        attempts=1,
        forgiven=0,
    )
    assert one.group == GROUP


async def test_the_oldest_go_first_and_no_more_than_wanted_of_each_group(stock: Stock) -> None:
    late = [await stock.park(due_at=NOW - n * MINUTE) for n in (1, 3, 2)]
    bank = [await stock.park(app_id="bank", due_at=NOW - n * HOUR) for n in (1, 2)]
    code = await stock.park(send_class=SendClass.AUTHENTICATION)
    most = {GROUP: 2, GROUP._replace(app_id="bank"): 1, GROUP._replace(rank=0): 5}
    ids = [each.message_id for each in await claimed(stock, most)]
    assert ids == [code, bank[1], late[1], late[2]]
    assert await claim(stock) == [late[0]]


async def test_only_what_is_due_and_waits_is_claimed(stock: Stock) -> None:
    due = await stock.park(due_at=NOW)
    await stock.park(due_at=NOW + INSTANT)
    held = await stock.park()
    await stock.fetch("update outbox set state = 'held' where message_id = $1", held)
    await stock.sending(await stock.send(BEN, NOW), attempts=1)
    assert await claim(stock) == [due]
    assert await claim(stock) == []
    assert await where(stock, due) == ("parked", ONE, 1)


async def test_two_who_claim_at_once_never_get_the_same(stock: Stock) -> None:
    messages = [await stock.park() for _ in range(60)]
    leases = [Lease(UUID(int=n), NOW, NOW + MINUTE) for n in range(1, 7)]
    found = await asyncio.gather(*(claim(stock, 4, lease) for lease in leases * 3))
    taken = [message for ids in found for message in ids]
    assert len(taken) == len(set(taken))
    left = await claim(stock)
    assert sorted(taken + left) == sorted(messages)


async def test_what_another_is_just_claiming_is_passed_over(stock: Stock) -> None:
    first, second = await stock.park(due_at=NOW - MINUTE), await stock.park()
    async with stock.database.transaction() as connection:
        mine = await outbox.claim(connection, {GROUP: 1}, LEASE)
        assert [each.message_id for each in mine] == [first]
        assert await claim(stock, 1, Lease(OTHER, NOW, NOW + MINUTE)) == [second]
    assert await where(stock, first) == ("parked", ONE, 1)


async def test_only_the_holder_puts_back(stock: Stock) -> None:
    message = await stock.park()
    await claim(stock)
    await put_back(stock, message, NOW + HOUR, Lease(OTHER, *LEASE[1:]))
    await put_back(stock, message, NOW + HOUR, LEASE._replace(until=LEASE.until - INSTANT))
    assert await where(stock, message) == ("parked", ONE, 1)
    await put_back(stock, message, NOW + HOUR)
    assert await where(stock, message) == ("parked", None, 0)
    parcel = await stock.parcel(message)
    assert parcel is not None
    assert (parcel["due_at"], parcel["leased_until"]) == (NOW + HOUR, None)
    assert (parcel["rule"], parcel["detail"]) == ("throughput", "later")


async def test_what_has_no_hour_of_its_own_is_put_back_where_it_was(stock: Stock) -> None:
    messages = [await stock.park(due_at=NOW - n * MINUTE) for n in (3, 2, 1)]
    assert await claim(stock, 1) == messages[:1]
    await put_back(stock, messages[0], None)
    assert await claim(stock) == messages


async def test_what_is_on_its_way_is_not_put_back(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    await stock.sending(message, attempts=1)
    await stock.fetch("update outbox set leased_by = $1, leased_until = $2", ONE, LEASE.until)
    await put_back(stock, message, NOW + HOUR)
    assert await where(stock, message) == ("sending", ONE, 1)


async def test_only_leases_that_have_lapsed_are_freed(stock: Stock) -> None:
    lapsed = await stock.park()
    await claim(stock)
    kept = await stock.park()
    await claim(stock, lease=Lease(OTHER, NOW, NOW + MINUTE + INSTANT))
    assert await rescue(stock, NOW + MINUTE - INSTANT) == 0
    assert await rescue(stock, NOW + MINUTE) == 1
    assert await where(stock, lapsed) == ("parked", None, 0)
    assert await where(stock, kept) == ("parked", OTHER, 1)
    assert await claim(stock, lease=Lease(OTHER, NOW, NOW + HOUR)) == [lapsed]


async def test_a_process_lets_go_what_it_has_claimed_and_is_not_at_work_on(stock: Stock) -> None:
    stray, working, sent = [await stock.park() for _ in range(3)]
    await claim(stock)
    await stock.fetch("update outbox set state = 'sending' where message_id = $1", sent)
    others = await stock.park()
    await claim(stock, lease=LEASE._replace(process_id=OTHER))
    async with stock.database.connection() as connection:
        assert await outbox.let_go(connection, ONE, {working}) == 1
    assert await where(stock, stray) == ("parked", None, 0)
    for message, owner in ((working, ONE), (others, OTHER)):
        assert await where(stock, message) == ("parked", owner, 1)
    assert await where(stock, sent) == ("sending", ONE, 1)


async def test_who_has_lost_a_lease_puts_nothing_back(stock: Stock) -> None:
    message = await stock.park()
    await claim(stock)
    await rescue(stock, NOW + MINUTE)
    await claim(stock, lease=Lease(OTHER, NOW, NOW + HOUR))
    await put_back(stock, message, NOW + HOUR)
    assert await where(stock, message) == ("parked", OTHER, 1)


async def test_groups_are_told_of_which_something_is_due_and_free(stock: Stock) -> None:
    await stock.park()
    await stock.park()
    await stock.park(app_id="bank", due_at=NOW + HOUR)
    await stock.park(phone_number_id=SECOND_NUMBER, send_class=SendClass.MARKETING)
    second = Group(SECOND_NUMBER, 4, "shop", "")
    assert await groups(stock) == [GROUP, second]
    assert await groups(stock, NOW + HOUR) == [GROUP._replace(app_id="bank"), GROUP, second]
    await claim(stock, 1)
    assert GROUP in await groups(stock)
    await claim(stock, 1)
    assert await groups(stock) == [second]


async def test_a_topic_is_a_group_of_its_own(stock: Stock) -> None:
    plain, apart = await stock.park(), await stock.park()
    await stock.fetch("update outbox set topic = 'a/en' where message_id = $1", apart)
    other = GROUP._replace(topic="a/en")
    assert await groups(stock) == [GROUP, other]
    assert await claim(stock) == [plain]
    assert [each.message_id for each in await claimed(stock, {other: 5})] == [apart]


async def test_a_group_brings_its_pool_and_the_numbers_throughput(stock: Stock) -> None:
    await stock.park()
    async with stock.database.connection() as connection:
        (one,) = await outbox.due(connection, NOW)
    assert (one.pool_id, one.throughput) == (POOL, 80)


async def test_what_has_expired_is_taken_out_and_told(stock: Stock) -> None:
    late = await stock.park(expires_at=NOW)
    held = await stock.park(BEN, expires_at=NOW - HOUR, app_id="bank")
    await stock.fetch("update outbox set state = 'held' where message_id = $1", held)
    kept = await stock.park(CARLA, expires_at=NOW + INSTANT)
    async with stock.database.connection() as connection:
        gone = await outbox.expire(connection, NOW)
    assert sorted(gone) == sorted([(POOL, late, "shop"), (POOL, held, "bank")])
    for message in (late, held):
        assert await stock.parcel(message) is None
        row = await stock.message(message)
        assert (row["state"], row["retry_at"]) == ("expired", None)
    assert (await stock.message(kept))["state"] == "parked"
    assert await expire(stock, NOW) == []


async def test_what_is_claimed_or_on_its_way_does_not_expire(stock: Stock) -> None:
    leased = await stock.park(expires_at=NOW - INSTANT)
    await claim(stock)
    sending = await stock.send(ANNA, NOW - 2 * DAY)
    await stock.sending(sending, attempts=1)
    assert await expire(stock, NOW) == []
    assert await where(stock, leased) == ("parked", ONE, 1)
    assert await where(stock, sending) == ("sending", None, 1)
    await rescue(stock, NOW + MINUTE)
    assert await expire(stock, NOW) == [leased]


async def refused(stock: Stock, attempts: int = 1) -> UUID:
    """Have a message be on its way, refused by Meta, its slot given back."""
    message = await stock.send(ANNA, NOW)
    await stock.sending(message, attempts)
    await stock.state(message, "refused", "released")
    return message


async def test_what_somebody_is_just_writing_does_not_expire_and_nobody_waits(
    stock: Stock,
) -> None:
    message = await stock.park(expires_at=NOW)
    async with stock.database.transaction() as connection:
        await connection.execute("select from messages for update")
        assert await expire(stock, NOW) == []
    assert await expire(stock, NOW) == [message]


async def test_what_meta_refused_for_now_waits_in_journal_and_outbox(stock: Stock) -> None:
    message = await refused(stock, attempts=3)
    due = Due(POOL, message, NOW + MINUTE, "upstream", "130429: slow down")
    async with stock.database.connection() as connection:
        await outbox.again(connection, [due])
    row = await stock.message(message)
    assert (row["state"], row["hold"], row["retry_at"]) == ("parked", "released", NOW + MINUTE)
    assert await where(stock, message) == ("parked", None, 3)
    assert await claim(stock) == []
    (one,) = await claimed(stock, {GROUP: 1}, LEASE._replace(now=NOW + MINUTE))
    assert (one.message_id, one.attempts) == (message, 4)


async def test_what_waits_already_is_neither_parked_once_more_nor_buried(stock: Stock) -> None:
    message = await stock.park()
    due = Due(POOL, message, NOW + HOUR, "upstream", "no")
    async with stock.database.connection() as connection:
        await outbox.again(connection, [due])
        await outbox.bury(connection, [due])
    parcel = await stock.parcel(message)
    assert parcel is not None
    assert (parcel["state"], parcel["due_at"]) == ("parked", NOW)


async def test_the_dead_are_kept_with_the_reason_for_a_week_and_never_claimed(
    stock: Stock,
) -> None:
    message = await refused(stock)
    async with stock.database.connection() as connection:
        await outbox.bury(connection, [Due(POOL, message, NOW, "upstream", "131026: no")])
        parcel = await stock.parcel(message)
        assert parcel is not None
        assert (parcel["state"], parcel["detail"]) == ("dead", "131026: no")
        assert await groups(stock, NOW + DAY) == []
        assert await expire(stock, NOW + 2 * DAY) == []
        ends = parcel["expires_at"] + DEAD_KEPT
        assert await outbox.forget(connection, ends - INSTANT) == 0
        assert await outbox.forget(connection, ends) == 1
    assert (await stock.message(message))["state"] == "refused"


async def test_nobody_forgets_what_waits(stock: Stock) -> None:
    message = await stock.park()
    async with stock.database.connection() as connection:
        assert await outbox.forget(connection, NOW + 100 * DAY) == 0
    assert await where(stock, message) == ("parked", None, 0)


async def test_which_attempt_is_on_its_way(stock: Stock) -> None:
    sending, parked = await stock.send(ANNA, NOW), await stock.park()
    await stock.sending(sending, attempts=2)
    keys = [(POOL, sending), (POOL, parked), (POOL, UUID(int=9))]
    async with stock.database.connection() as connection:
        assert await outbox.attempts(connection, keys) == {sending: 2}
        await outbox.finish(connection, keys[:1])
        assert await outbox.attempts(connection, keys) == {}
    assert await stock.parcel(sending) is None


async def test_what_waits_is_counted_by_class(stock: Stock) -> None:
    for app_id in ("shop", "bank", "bank"):
        await stock.park(app_id=app_id)
    await stock.park(send_class=SendClass.MARKETING, phone_number_id=SECOND_NUMBER)
    await claim(stock, 1)
    async with stock.database.connection() as connection:
        counts = await outbox.census(connection)
    assert counts == dict.fromkeys(SendClass, 0) | {SendClass.UTILITY: 2, SendClass.MARKETING: 1}


@pytest.mark.parametrize("step", ["rescue", "expire", "forget"])
async def test_a_sweep_is_bounded(stock: Stock, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """The oldest go first, and the rest with the next."""
    monkeypatch.setattr(outbox, "MOST_AT_ONCE", 2)
    messages = [await stock.park(expires_at=NOW + n * MINUTE) for n in (3, 1, 2)]
    if step == "rescue":
        await claim(stock)
        await stock.fetch("update outbox set leased_until = expires_at")
    elif step == "forget":
        await stock.fetch("update outbox set state = 'dead'")
    at = NOW + DAY + DEAD_KEPT
    async with stock.database.connection() as connection:
        await getattr(outbox, step)(connection, at)
        waiting = "leased_until is not null" if step == "rescue" else "true"
        left = await stock.fetch(f"select message_id from outbox where {waiting}")  # noqa: S608
        assert [row["message_id"] for row in left] == messages[:1]
        await getattr(outbox, step)(connection, at)
    assert await stock.value(f"select count(*) from outbox where {waiting}") == 0  # noqa: S608
