import asyncio
from datetime import timedelta

import orjson
import pytest

from gateway.cloud.outcome import Accepted, InDoubt, Refused
from gateway.outbound import dispatch
from gateway.outbound.admission import TooLateError
from gateway.outbound.audience import AbandonedError, Audience
from gateway.outbound.contents import unpack
from gateway.outbound.dispatch import Handled, StoodStillError, TurnedBackError
from gateway.outbound.pacing import CongestedError
from gateway.outbound.parcels import Parked, Wishes
from gateway.outbound.rests import LeavingError
from gateway.policy.retry import FIRST
from gateway.policy.verdict import Decision
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from tests.outage import Server
from tests.outbound.making import user
from tests.outbound.office import META, UNREACHABLE, VAULT, Office, refused, running
from tests.policy.making import DAY, HOUR, INSTANT, NOW, NUMBER
from tests.store.stocked import Stock
from tests.world import until

ASYNC = Wishes(responds_async=True)
MINUTE = timedelta(minutes=1)


async def assert_nothing_is_left(office: Office) -> None:
    """Nothing in journal and outbox, nothing reserved, nothing sent."""
    assert office.cloud.seen == []
    assert await office.stock.ledger() == {}
    for table in ("messages", "outbox"):
        assert await office.stock.value(f"select count(*) from {table}") == 0  # noqa: S608


async def fill(office: Office) -> None:
    """Have the pool take nobody any more until a day is over."""
    await office.stock.add_pool(limit=1)
    await office.stock.send(user(99), NOW)


@pytest.mark.parametrize("wishes", [Wishes(), ASYNC])
async def test_what_may_go_goes_at_once(office: Office, wishes: Wishes) -> None:
    message, handled = await office.take(wishes=wishes)
    assert isinstance(handled, Handled)
    assert isinstance(handled.outcome, Accepted)
    await office.answers.flushed()
    assert await office.state(message) == "accepted"
    assert await office.stock.parcel(message) is None
    ((path, _, headers),) = office.cloud.seen
    assert (path, headers["X-Own"]) == ("/v25.0/1/messages", "kept")


async def test_what_is_asked_for_later_is_parked_and_durable(office: Office) -> None:
    message, parked = await office.take(wishes=Wishes(send_at=NOW + HOUR))
    assert isinstance(parked, Parked)
    assert (parked.due_at, parked.rule) == (NOW + HOUR, "schedule")
    assert office.cloud.seen == []
    parcel = await office.stock.parcel(message)
    assert parcel is not None
    assert (parcel["state"], parcel["due_at"], parcel["attempts"]) == ("parked", NOW + HOUR, 0)
    contents = unpack(parcel["sealed"], VAULT)
    assert contents.headers == [("X-Own", "kept")]
    assert contents.own_token is None
    assert orjson.loads(contents.body)["to"] == f"+{user(1)}"
    assert await office.stock.ledger() == {}


async def test_an_app_that_brings_its_own_token_has_it_kept(office: Office) -> None:
    message, _ = await office.take(wishes=Wishes(send_at=NOW + HOUR), own_token=True)
    parcel = await office.stock.parcel(message)
    assert parcel is not None
    assert unpack(parcel["sealed"], VAULT).own_token == "Bearer of-the-vault"


async def test_what_was_asked_for_earlier_goes_now(office: Office) -> None:
    _, handled = await office.take(wishes=Wishes(send_at=NOW))
    assert isinstance(handled, Handled)


async def test_what_the_desk_defers_waits_if_it_may_and_is_refused_if_not(office: Office) -> None:
    await fill(office)
    waits, parked = await office.take(1, ASYNC)
    assert isinstance(parked, Parked)
    assert (parked.due_at, parked.rule) == (NOW + DAY, "messaging_limit")
    told, handled = await office.take(2)
    assert isinstance(handled, Handled)
    assert handled.admission.verdict.decision is Decision.DEFER
    assert [await office.state(each) for each in (waits, told)] == ["parked", "turned_away"]
    assert office.cloud.seen == []


async def test_a_class_that_its_app_parks_waits_the_others_do_not(office: Office) -> None:
    await office.stock.add_template()
    await fill(office)
    _, parked = await office.take(1, Wishes(parks={"utility": True}))
    assert isinstance(parked, Parked)
    _, handled = await office.take(2, Wishes(parks={"marketing": True}))
    assert isinstance(handled, Handled)


async def test_what_would_be_of_no_use_by_then_is_refused(office: Office) -> None:
    await fill(office)
    wishes = ASYNC._replace(expires_at=NOW + DAY)
    message, handled = await office.take(1, wishes)
    assert isinstance(handled, Handled)
    assert await office.state(message) == "turned_away"
    assert await office.stock.parcel(message) is None


async def test_what_is_rejected_does_not_wait(office: Office) -> None:
    await office.stock.add_template(status="DISABLED")
    message, handled = await office.take(1, ASYNC)
    assert isinstance(handled, Handled)
    assert handled.admission.verdict.decision is Decision.REJECT
    assert await office.stock.parcel(message) is None
    assert await office.state(message) == "turned_away"


@pytest.mark.parametrize(
    "wishes",
    [
        Wishes(expires_at=NOW),
        ASYNC._replace(expires_at=NOW - INSTANT),
        Wishes(send_at=NOW + HOUR, expires_at=NOW + HOUR),
    ],
)
async def test_what_is_of_no_use_any_more_is_told_so(office: Office, wishes: Wishes) -> None:
    with pytest.raises(TooLateError):
        await office.take(wishes=wishes)
    await assert_nothing_is_left(office)


async def test_a_code_is_of_use_for_as_long_as_its_template_says(office: Office) -> None:
    """Source: TTL (R§6.4)."""
    await office.stock.add_template(category="AUTHENTICATION", ttl_s=90)
    send_at = NOW + HOUR
    message, _ = await office.take(wishes=Wishes(send_at=send_at, expires_at=NOW + DAY))
    parcel = await office.stock.parcel(message)
    assert parcel is not None
    assert parcel["expires_at"] == send_at + timedelta(seconds=90)
    assert (parcel["send_class"], parcel["rank"], parcel["resends"]) == ("authentication", 0, True)


async def test_what_may_be_sent_once_more_is_kept_while_in_doubt(office: Office) -> None:
    await office.stock.add_template(category="AUTHENTICATION")
    office.cloud.outcome = InDoubt(META, "reset")
    message, handled = await office.take()
    assert isinstance(handled, Handled)
    await office.answers.flushed()
    parcel = await office.stock.parcel(message)
    assert parcel is not None
    assert (parcel["state"], parcel["resends"]) == ("sending", True)
    assert await office.state(message) == "in_doubt"
    assert set(await office.stock.ledger()) == {user(1)}


async def test_a_line_that_is_too_long_lets_it_wait_if_it_may(office: Office) -> None:
    office.line.hold(60.0)
    message, parked = await office.take(1, ASYNC)
    assert isinstance(parked, Parked)
    assert parked.rule == "throughput"
    assert NOW + 59 * timedelta(seconds=1) < parked.due_at <= NOW + MINUTE
    assert await office.state(message) == "parked"
    with pytest.raises(CongestedError):
        await office.take(2)
    assert await office.stock.value("select count(*) from messages") == 1


async def test_a_line_that_is_longer_than_it_is_of_use_is_told(office: Office) -> None:
    office.line.hold(60.0)
    with pytest.raises(CongestedError):
        await office.take(1, ASYNC._replace(expires_at=NOW + MINUTE / 2))
    await assert_nothing_is_left(office)


async def test_nobody_waits_in_line_for_longer_than_it_is_of_use(office: Office) -> None:
    office.line.hold(5.0)
    with pytest.raises(CongestedError):
        await office.take(1, Wishes(expires_at=NOW + timedelta(seconds=4)))
    await assert_nothing_is_left(office)


async def test_what_waits_in_line_when_this_process_leaves_is_for_another(office: Office) -> None:
    office.line.hold(5.0)
    waits = asyncio.create_task(office.take(1, ASYNC))
    told = asyncio.create_task(office.take(2))
    await until(lambda: _waiting(office, 2), "two in line")
    office.pacing.close()
    message, parked = await waits
    assert isinstance(parked, Parked)
    assert (parked.due_at, parked.rule) == (NOW, "draining")
    assert await office.state(message) == "parked"
    with pytest.raises(LeavingError):
        await told
    assert await office.stock.value("select count(*) from messages") == 1


async def _waiting(office: Office, count: int) -> bool:
    return len(office.line) == count


@pytest.mark.parametrize(("code", "outcome"), [(130429, refused(130429)), (None, UNREACHABLE)])
async def test_what_meta_does_not_take_for_now_waits(
    office: Office, code: int | None, outcome: Refused
) -> None:
    office.cloud.outcome = outcome
    message, parked = await office.take(1, ASYNC)
    assert isinstance(parked, Parked)
    assert (parked.due_at, parked.rule) == (NOW + FIRST, "upstream")
    row = await office.stock.message(message)
    assert (row["state"], row["hold"], row["code"]) == ("parked", "released", code)
    parcel = await office.stock.parcel(message)
    assert parcel is not None
    assert (parcel["state"], parcel["due_at"], parcel["attempts"]) == ("parked", NOW + FIRST, 1)
    assert await office.stock.ledger() == {}
    _, told = await office.take(2)
    assert isinstance(told, Handled)


@pytest.mark.parametrize(
    "outcome",
    [refused(131026), refused(2**40), Refused(META._replace(status=404), None, "HTTP 404")],
    ids=["of class U", "a code beyond 32 bits", "not in Meta's words"],
)
async def test_a_final_no_is_told_and_nothing_is_kept(office: Office, outcome: Refused) -> None:
    office.cloud.outcome = outcome
    message, handled = await office.take(1, ASYNC)
    assert isinstance(handled, Handled)
    assert handled.outcome == outcome
    await office.answers.flushed()
    assert await office.state(message) == "refused"
    assert await office.stock.parcel(message) is None
    assert await office.stock.ledger() == {}


@pytest.mark.parametrize("leaves", [True, False])
async def test_what_was_decided_on_and_cannot_leave_waits_in_the_outbox(
    office: Office, monkeypatch: pytest.MonkeyPatch, *, leaves: bool
) -> None:
    """The line stands still, or the process goes away, between desk and wire."""
    error = TurnedBackError() if leaves else StoodStillError(3.0)

    async def no_turn() -> None:
        raise LeavingError if leaves else CongestedError(3.0)

    monkeypatch.setattr(office.line, "turn", no_turn)
    message, parked = await office.take(1, ASYNC)
    assert isinstance(parked, Parked)
    assert (parked.due_at, parked.rule) == (NOW + FIRST, "draining" if leaves else "throughput")
    assert await office.state(message) == "parked"
    assert await office.stock.ledger() == {}
    with pytest.raises(type(error)):
        await office.take(2)
    assert office.cloud.seen == []


async def test_who_has_left_before_its_turn_has_nothing_parked(office: Office) -> None:
    audience = Audience()
    audience.join()
    audience.leave()
    office.line.hold(5.0)
    with pytest.raises(AbandonedError):
        await office.take(1, ASYNC, audience=audience)
    await assert_nothing_is_left(office)


async def test_while_the_database_is_away_nothing_leaves_and_nothing_is_promised(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "RELEASE_WAIT_S", 0.05)
    database = await Database.open(server.url, timeout_s=5)
    try:
        stock = Stock(database)
        await stock.add_pool()
        await stock.add_number(NUMBER)
        async with running(Office(database)) as office:
            await office.take(9)
            await office.answers.flushed()
            await server.stop()
            for wishes in (Wishes(), ASYNC, Wishes(send_at=NOW + HOUR)):
                with pytest.raises(StoreUnavailableError):
                    await office.take(1, wishes)
            assert len(office.cloud.seen) == 1
            await server.start()
            _, handled = await office.take(1, ASYNC)
            assert isinstance(handled, Handled)
        assert len(await stock.fetch("select 1 from messages")) == 2
    finally:
        database.terminate()
