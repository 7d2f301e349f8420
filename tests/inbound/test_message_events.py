import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from gateway.inbound.message_events import MessageEvents
from gateway.policy.facts import UserFacts
from gateway.store import apps, contacts, facts, outbox
from gateway.store.outbox import Due
from gateway.whatsapp.events import (
    CallEvent,
    DeliveryStatus,
    Event,
    IdentityChange,
    PreferenceUpdate,
    UserRef,
)
from gateway.whatsapp.ids import PhoneNumberId, UserId
from tests.inbound.making import ANNA_REF, BSUID, directory_of, inbound, status
from tests.policy.making import (
    DAY,
    HOUR,
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
from tests.store.stocked import ANNA, BEN, ManualClock, Stock

D = DeliveryStatus
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
STRANGER = PhoneNumberId("200000000000009")
BOTH = UserRef(ANNA, BSUID)
NAME_ONLY = UserRef(None, BSUID)


async def apply(stock: Stock, *events: Event, now: datetime = NOW) -> None:
    learner = MessageEvents(await directory_of(stock), ManualClock(now), KNOBS)
    async with stock.database.connection() as connection:
        await learner.apply(connection, events)


async def user(stock: Stock, user_id: str = ANNA, number: PhoneNumberId = NUMBER) -> UserFacts:
    asked = changed(candidate(), user_id=UserId(user_id), phone_number_id=number)
    async with stock.database.connection() as connection:
        return (await facts.load_hot(connection, [asked], NOW)).users[0]


async def end_of(stock: Stock, message_id: UUID) -> tuple[str, str | None]:
    row = await stock.message(message_id)
    return row["state"], row["hold"]


# --- windows


async def test_a_message_opens_the_window_of_its_user_with_its_number(stock: Stock) -> None:
    await apply(stock, inbound(at=NOW))
    assert (await user(stock)).last_inbound_at == NOW
    assert (await user(stock, number=SECOND_NUMBER)).last_inbound_at is None
    assert (await user(stock, BEN)).last_inbound_at is None


@pytest.mark.parametrize(
    "events",
    list(itertools.permutations([inbound(at=NOW - HOUR), inbound(at=NOW), inbound(at=NOW)])),
)
async def test_the_latest_message_counts(stock: Stock, events: Sequence[Event]) -> None:
    await apply(stock, *events)
    assert (await user(stock)).last_inbound_at == NOW


async def test_what_opens_no_window_opens_none(stock: Stock) -> None:
    await apply(stock, inbound(opens_window=False))
    assert (await user(stock)).last_inbound_at is None


async def test_a_call_opens_the_window(stock: Stock) -> None:
    await apply(stock, CallEvent(WABA, NUMBER, ANNA_REF, NOW))
    assert (await user(stock)).last_inbound_at == NOW


async def test_in_a_group_the_window_is_the_groups(stock: Stock) -> None:
    await apply(stock, inbound(group_id="group-1"))
    assert (await user(stock, "group-1")).last_inbound_at == NOW
    assert (await user(stock)).last_inbound_at is None


async def test_numbers_we_do_not_serve_are_passed_over(stock: Stock) -> None:
    await apply(
        stock,
        inbound(phone_number_id=STRANGER),
        status(UUID(int=9), phone_number_id=STRANGER),
        IdentityChange(WABA, STRANGER, NAME_ONLY, UserRef(None, "ES.new"), NOW),
        inbound(),
    )
    assert await stock.value("select count(*) from contacts") == 1


async def test_a_media_id_of_a_message_belongs_to_its_number(stock: Stock) -> None:
    await apply(stock, inbound(media_id="m1", type="image"))
    async with stock.database.connection() as connection:
        assert await apps.number_of_media(connection, "m1") == NUMBER


# --- throughput


async def test_what_users_have_just_sent_is_told_a_number_once(stock: Stock) -> None:
    learner = MessageEvents(await directory_of(stock), ManualClock(), KNOBS)
    told: list[tuple[PhoneNumberId, int]] = []
    learner.on_inbound = lambda number, count: told.append((number, count))
    second = timedelta(seconds=1)
    events: list[Event] = [
        inbound(at=NOW),
        inbound(at=NOW - 30 * second, opens_window=False),
        inbound(at=NOW + second, phone_number_id=SECOND_NUMBER),
        inbound(at=NOW - 31 * second),
        inbound(phone_number_id=STRANGER),
        status(UUID(int=9)),
        CallEvent(WABA, NUMBER, ANNA_REF, NOW),
    ]
    async with stock.database.connection() as connection:
        await learner.apply(connection, events)
        await learner.apply(connection, events[3:])
    assert told == [(NUMBER, 2), (SECOND_NUMBER, 1)]


async def test_what_could_not_be_applied_is_not_told(stock: Stock) -> None:
    """It is going to be applied again."""
    learner = MessageEvents(await directory_of(stock), ManualClock(), KNOBS)
    learner.on_inbound = lambda _number, _count: pytest.fail("told")
    async with stock.database.connection() as connection:
        await connection.execute("drop table contacts cascade")
        with pytest.raises(Exception, match="contacts"):
            await learner.apply(connection, [inbound()])


# --- who is who


async def test_two_names_seen_together_are_one_user_who_counts_once(stock: Stock) -> None:
    await stock.send(ANNA, NOW - HOUR)
    await stock.send(UserId(BSUID), NOW)
    for _ in range(2):
        await apply(stock, inbound(BOTH))
    assert await stock.ledger() == {ANNA: NOW}
    await apply(stock, inbound(NAME_ONLY, NOW + HOUR))
    assert (await user(stock)).last_inbound_at == NOW + HOUR


async def test_a_user_who_hides_their_phone_is_known_by_the_other_name(stock: Stock) -> None:
    await apply(stock, inbound(NAME_ONLY))
    assert (await user(stock, BSUID)).last_inbound_at == NOW


async def test_a_new_name_leads_to_who_had_the_old_one(stock: Stock) -> None:
    await apply(stock, inbound(BOTH))
    change = IdentityChange(WABA, NUMBER, NAME_ONLY, UserRef(None, "ES.new"), NOW)
    for _ in range(2):
        await apply(stock, change)
    async with stock.database.connection() as connection:
        found = await contacts.resolve(connection, [(POOL, "ES.new"), (POOL, BSUID)])
    assert found == {(POOL, "ES.new"): ANNA, (POOL, BSUID): ANNA}


async def test_an_identity_change_without_both_names_changes_nothing(stock: Stock) -> None:
    await apply(
        stock,
        IdentityChange(WABA, NUMBER, ANNA_REF, UserRef(BEN, None), NOW),
        IdentityChange(WABA, NUMBER, ANNA_REF, UserRef(BEN, "ES.new"), NOW),
    )
    assert await stock.value("select count(*) from user_aliases") == 0


# --- preferences


def preference(value: str, at: datetime = NOW, category: str = "marketing_messages") -> Event:
    return PreferenceUpdate(WABA, NUMBER, ANNA_REF, category, value, at)


async def test_who_stops_marketing_has_stopped_it_until_they_resume(stock: Stock) -> None:
    await apply(stock, preference("stop"))
    assert (await user(stock)).marketing_stopped
    await apply(stock, preference("resume", NOW + HOUR), preference("stop"))
    assert not (await user(stock)).marketing_stopped


async def test_other_preferences_are_not_ours(stock: Stock) -> None:
    await apply(stock, preference("stop", category="something_else"))
    assert not (await user(stock)).marketing_stopped


# --- statuses


async def test_a_delivered_message_settles_its_slot(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    await apply(stock, status(message, D.SENT), status(message, D.DELIVERED))
    assert await end_of(stock, message) == ("delivered", "settled")
    assert await stock.ledger() == {ANNA: NOW}
    assert (await stock.message(message))["wamid"] == f"wamid.{message.hex}"


async def test_a_failed_message_releases_its_slot_once(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW - HOUR)
    failed = status(message, D.FAILED, code=131026)
    await apply(stock, failed)
    assert await end_of(stock, message) == ("failed", "released")
    assert await stock.ledger() == {}
    await stock.send(ANNA, NOW)
    await apply(stock, failed, failed)
    assert await stock.ledger() == {ANNA: NOW}
    row = await stock.message(message)
    assert (row["code"], row["detail"]) == (131026, "No.")


async def test_a_message_that_arrived_after_all_counts_again(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW - HOUR)
    await stock.fetch("update messages set answered_at = $1", NOW - HOUR)
    await apply(stock, status(message, D.FAILED, code=131026))
    await apply(stock, status(message, D.DELIVERED))
    assert await end_of(stock, message) == ("delivered", "settled")
    assert await stock.ledger() == {ANNA: NOW - HOUR}


async def test_one_that_waits_to_be_tried_again_and_has_arrived_counts_again(
    stock: Stock,
) -> None:
    message = await stock.send(ANNA, NOW)
    await stock.sending(message, attempts=1)
    await stock.state(message, "refused", "released")
    async with stock.database.transaction() as connection:
        await connection.execute("delete from ledger")
        await connection.execute("update pools set counted = 0")
        await outbox.again(connection, [Due(POOL, message, NOW + HOUR, "upstream", "no")])
    await apply(stock, status(message))
    assert await end_of(stock, message) == ("delivered", "settled")
    assert await stock.ledger() == {ANNA: NOW}
    assert await stock.parcel(message) is None


@pytest.mark.parametrize(
    "order",
    list(itertools.permutations([D.SENT, D.DELIVERED, D.READ, D.FAILED])),
    ids="-".join,
)
async def test_statuses_one_by_one_in_any_order_end_the_same(
    stock: Stock, order: Sequence[DeliveryStatus]
) -> None:
    message = await stock.send(ANNA, NOW)
    for kind in order:
        code = 131026 if kind is D.FAILED else None
        for _ in range(2):
            await apply(stock, status(message, kind, NOW + HOUR, code))
    assert await end_of(stock, message) == ("read", "settled")
    assert await stock.ledger() == {ANNA: NOW}
    row = await stock.message(message)
    hours = [row[name] for name in ("sent_at", "delivered_at", "read_at", "failed_at")]
    assert hours == [NOW + HOUR] * 4
    assert row["code"] == 131026


async def test_a_failure_whose_effect_was_not_written_is_done_again(stock: Stock) -> None:
    """A crash between the move and the release leaves this behind."""
    message = await stock.send(ANNA, NOW)
    await stock.state(message, "failed")
    await apply(stock, status(message, D.FAILED, code=131026))
    assert await stock.ledger() == {}


async def test_messages_without_our_mark_are_found_by_metas_id(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    await stock.fetch(
        "insert into wamids (wamid, pool_id, message_id) values ('wamid.x', $1, $2)", POOL, message
    )
    await apply(stock, status(None, D.DELIVERED, wamid="wamid.x"))
    assert await end_of(stock, message) == ("delivered", "settled")


async def test_statuses_of_others_messages_are_passed_over(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    await apply(
        stock,
        status(None, D.FAILED, callback_data="gw1.theirs.", code=131026),
        status(UUID(int=9), D.FAILED, code=131026),
        status(message, D.DELIVERED),
    )
    assert await end_of(stock, message) == ("delivered", "settled")


async def test_a_message_of_another_number_in_another_pool_is_not_touched(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    message = await stock.send(ANNA, NOW, pool_id=SECOND_POOL, phone_number_id=SECOND_NUMBER)
    await apply(stock, status(message, D.FAILED, code=131026))
    assert await end_of(stock, message) == ("reserved", "reserved")


@pytest.mark.parametrize(("wrote", "left"), [(NOW - HOUR, None), (NOW + HOUR, NOW + HOUR)])
async def test_metas_word_that_the_window_was_shut_is_believed(
    stock: Stock, wrote: datetime, left: datetime | None
) -> None:
    message = await stock.send(ANNA, NOW, business_initiated=False)
    await apply(stock, inbound(at=wrote), status(message, D.FAILED, NOW, 131047))
    assert (await user(stock)).last_inbound_at == left


async def test_a_failure_tells_that_the_user_has_stopped_marketing(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    await apply(stock, status(message, D.FAILED, NOW, 131050))
    assert (await user(stock)).marketing_stopped
    await apply(stock, preference("resume", NOW + HOUR), status(message, D.FAILED, NOW, 131050))
    assert not (await user(stock)).marketing_stopped


async def test_a_failure_stops_the_number_until_a_probe_has_arrived(stock: Stock) -> None:
    failed, probe = await stock.send(ANNA, NOW - HOUR), await stock.send(BEN, NOW + HOUR)
    await apply(stock, status(failed, D.FAILED, NOW, 131048))
    facts = (await stock.number()).facts
    assert (facts.spam_step, facts.spam_until) == (1, NOW + HOUR)
    later = NOW + HOUR + MINUTE
    await apply(stock, status(probe, D.SENT, later), now=later)
    assert (await stock.number()).facts.spam_step == 1, "it may still fail"
    await apply(stock, status(probe, D.DELIVERED, later), now=later)
    facts = (await stock.number()).facts
    assert (facts.spam_step, facts.spam_until, facts.recovering_since) == (0, None, later)


async def test_a_message_that_failed_and_arrived_has_arrived(stock: Stock) -> None:
    """R§7.9 rule 5: the probe is believed, and what failed on another device is not."""
    failed, probe = await stock.send(ANNA, NOW - HOUR), await stock.send(BEN, NOW + HOUR)
    await apply(stock, status(failed, D.FAILED, NOW, 131048))
    arrived = status(probe, D.READ, NOW + HOUR), status(probe, D.FAILED, NOW + HOUR, 131048)
    for _ in range(2):
        await apply(stock, *arrived, now=NOW + HOUR)
    assert (await stock.number()).facts.spam_step == 0


async def test_a_failure_tells_of_the_cap_on_a_users_marketing(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW - HOUR)
    failed = status(message, D.FAILED, NOW - MINUTE, 131049)
    await apply(stock, failed, failed)
    (row,) = await stock.fetch("select capped_count, capped_until from contacts")
    assert tuple(row.values()) == (1, NOW - MINUTE + SECOND + DAY)
