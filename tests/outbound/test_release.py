import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from gateway.cloud.outcome import InDoubt, Outcome
from gateway.outbound import dispatch
from gateway.outbound import release as module
from gateway.outbound.gates import FEW, LONGEST_SHUT
from gateway.outbound.release import BROKEN, LEASE
from gateway.policy.retry import FIRST, LONGEST, MOST_ATTEMPTS
from gateway.policy.send_class import SendClass
from gateway.store import apps
from gateway.store.database import Database
from gateway.store.listener import Listener
from gateway.store.vault import Vault
from tests.outage import Server
from tests.outbound.making import user
from tests.outbound.office import META, VAULT, Office, refused, running
from tests.policy.making import (
    DAY,
    HOUR,
    INSTANT,
    KNOBS,
    NOW,
    NUMBER,
    POOL,
    SECOND_NUMBER,
    WABA,
    changed,
)
from tests.store.stocked import Stock
from tests.world import until

C = SendClass
OTHER = UUID(int=99)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def aged(number: int) -> dict[str, Any]:
    """Say how a message is parked that is older than those with a higher number."""
    return {"due_at": NOW - MINUTE + number * SECOND, "expires_at": NOW + 2 * DAY}


async def fill(office: Office) -> None:
    """Have the pool take nobody any more until a day is over."""
    await office.stock.add_pool(limit=1)
    await office.stock.send(user(99), NOW)


async def parcel(office: Office, message: UUID) -> dict[str, Any]:
    row = await office.stock.parcel(message)
    assert row is not None
    return dict(row)


def tries(row: dict[str, Any]) -> int:
    """Return how often something was sent, or is being sent."""
    count: int = row["attempts"] - row["forgiven"]
    return count


async def states(office: Office, messages: Sequence[UUID]) -> list[str]:
    return [await office.state(message) for message in messages]


async def test_what_is_due_leaves_as_it_would_have_left_at_once(office: Office) -> None:
    message = await office.park()
    assert await office.release() == 1
    ((path, _, headers),) = office.cloud.seen
    assert path == "/v25.0/1/messages"
    assert dict(headers) == {"X-Own": "kept", "Authorization": "Bearer of-the-vault"}
    row = await office.stock.message(message)
    assert (row["state"], row["decided_at"], row["hold"]) == ("accepted", NOW, "reserved")
    assert await office.stock.parcel(message) is None
    assert set(await office.stock.ledger()) == {user(1)}
    assert await office.release() == 0


async def test_an_app_that_brought_its_own_token_sends_with_it(office: Office) -> None:
    await office.park(own_token="Bearer of-the-app")
    await office.release()
    assert office.cloud.seen[0][2]["Authorization"] == "Bearer of-the-app"


async def test_nothing_leaves_before_its_hour(office: Office) -> None:
    await office.park(due_at=NOW + HOUR)
    office.clock.advance(HOUR - INSTANT)
    assert await office.release() == 0
    office.clock.advance(INSTANT)
    assert await office.release() == 1


async def test_classes_go_by_rank_and_in_a_class_the_oldest_first(office: Office) -> None:
    for number, (send_class, age_s) in enumerate(
        [(C.MARKETING, 9), (C.UTILITY, 1), (C.UTILITY, 2), (C.AUTHENTICATION, 0), (C.REPLY, 3)], 1
    ):
        await office.park(number, send_class=send_class, due_at=NOW - timedelta(seconds=age_s))
    await office.release()
    assert office.cloud.users == [user(number) for number in (4, 5, 3, 2, 1)]


async def test_one_apps_backlog_does_not_stand_in_anothers_way(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 4)
    for number in range(20):
        await office.park(number, app_id="post", due_at=NOW - HOUR + number * SECOND)
    for number in range(30, 33):
        await office.park(number, app_id="bank", due_at=NOW - MINUTE + number * SECOND)
    await office.release()
    assert sorted(office.cloud.users) == sorted(user(number) for number in (0, 1, 30, 31))


async def test_what_matters_more_takes_the_room_and_what_is_left_is_shared_among_numbers(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room is bounded over all numbers; one that is far behind leaves as much to the next."""
    monkeypatch.setattr(module, "MOST", 6)
    for number in range(20):
        await office.park(number, send_class=C.MARKETING, **aged(number))
    for number in range(20, 24):
        second = {"phone_number_id": SECOND_NUMBER, **aged(number)}
        await office.park(number, send_class=C.MARKETING, **second)
        await office.park(number + 10, send_class=C.AUTHENTICATION, **second)
    office.cloud.goes.clear()
    assert await office.releaser.run_once() == 6
    assert await office.releaser.run_once() == 0
    office.cloud.goes.set()
    await office.releaser.close()
    assert sorted(office.cloud.users) == [user(n) for n in (0, 20, 30, 31, 32, 33)]
    await office.release()
    assert sorted(office.cloud.users[6:]) == [user(n) for n in (1, 2, 3, 21, 22, 23)]


async def test_no_more_is_claimed_than_the_line_takes_soon(office: Office) -> None:
    for number in range(120):
        await office.park(number)
    office.cloud.goes.clear()
    assert await office.releaser.run_once() == FEW
    office.cloud.goes.set()
    await office.releaser.close()
    office.cloud.goes.clear()
    room = int(office.line.grant.rate)
    assert await office.releaser.run_once() == room < 120 - FEW
    assert await office.releaser.run_once() == 0
    office.woken = 0
    office.cloud.goes.set()
    await office.releaser.close()
    assert office.woken == 1


async def test_behind_a_full_pool_only_a_few_are_tried(office: Office) -> None:
    await fill(office)
    messages = [await office.park(number, **aged(number)) for number in range(30)]
    assert await office.release() == FEW
    assert await office.release(rounds=3) == 0
    office.clock.advance(LONGEST_SHUT)
    assert await office.release() == FEW
    office.clock.advance(DAY - LONGEST_SHUT)
    await office.stock.add_pool(limit=100)
    assert await office.release(rounds=5) == 30
    assert office.cloud.users[:FEW] == [user(number) for number in range(FEW)]
    assert set(await states(office, messages)) == {"accepted"}


async def test_what_waits_for_its_template_stands_in_nobodys_way(office: Office) -> None:
    await office.stock.add_template(status="PAUSED", paused_until=NOW + HOUR)
    paused = [await office.park(number, due_at=NOW - HOUR) for number in range(20)]
    for number in range(50, 55):
        await office.park(number, name="another", **aged(number))
    await office.release(rounds=4)
    assert office.cloud.users == [user(number) for number in range(50, 55)]
    assert {(await parcel(office, each))["topic"] for each in paused} == {"order_update/en_US"}
    office.clock.advance(HOUR)
    await office.release(rounds=4)
    assert len(office.cloud.users) == 25


async def test_when_something_about_the_pool_has_changed_a_few_are_tried_at_once(
    office: Office,
) -> None:
    await fill(office)
    for number in range(3):
        await office.park(number)
    await office.release(rounds=2)
    assert office.cloud.users == []
    await office.stock.add_pool(limit=100)
    assert await office.release() == 0  # nobody has told yet
    office.releaser.lift(POOL)
    assert office.woken > 0
    assert await office.release() == 3


async def test_a_change_by_another_process_wakes_and_opens(
    office: Office, database_url: str
) -> None:
    await fill(office)
    await office.park()
    listener = asyncio.create_task(Listener(database_url, office.releaser.lift, 20.0).run())
    await until(lambda: _woken(office), "a listener")
    await office.release(rounds=2)
    office.woken = 0
    await office.stock.add_pool(limit=100)
    await until(lambda: _woken(office), "the news")
    assert await office.release() == 1
    listener.cancel()


async def _woken(office: Office) -> bool:
    return office.woken > 0


async def test_who_has_lost_the_lease_sends_nothing(office: Office) -> None:
    message = await office.park()
    office.line.hold(0.1)
    assert await office.releaser.run_once() == 1
    await office.stock.fetch("update outbox set leased_by = $1", OTHER)
    await office.releaser.close()
    assert office.cloud.seen == []
    row = await parcel(office, message)
    assert (row["state"], row["leased_by"]) == ("parked", OTHER)
    assert await office.state(message) == "parked"


async def test_what_a_process_that_is_gone_had_claimed_goes_when_its_lease_has_lapsed(
    office: Office,
) -> None:
    message = await office.park()
    until = NOW + LEASE
    await office.stock.fetch("update outbox set leased_by = $1, leased_until = $2", OTHER, until)
    office.clock.advance(LEASE - INSTANT)
    assert await office.release() == 0
    office.clock.advance(INSTANT)
    assert await office.release() == 1
    assert await office.state(message) == "accepted"


async def test_a_line_that_is_too_long_has_it_keep_its_place(office: Office) -> None:
    message = await office.park()
    office.line.hold(60.0)
    assert await office.release() == 1
    row = await parcel(office, message)
    assert (row["state"], row["rule"], row["due_at"]) == ("parked", "throughput", NOW)
    assert (row["leased_by"], tries(row)) == (None, 0)
    assert await office.release() == 0


async def test_what_is_of_no_use_any_more_when_its_turn_comes_expires(office: Office) -> None:
    message = await office.park(expires_at=NOW + HOUR)
    office.line.hold(0.1)
    assert await office.releaser.run_once() == 1
    office.clock.advance(HOUR)
    await office.releaser.close()
    assert office.cloud.seen == []
    await office.release()
    assert await office.state(message) == "expired"
    assert office.metrics.registry.get_sample_value("gateway_expired_total") == 1


async def test_what_waits_in_line_when_this_process_leaves_is_put_back(office: Office) -> None:
    message = await office.park()
    office.line.hold(5.0)
    assert await office.releaser.run_once() == 1
    await until(lambda: _in_line(office), "its place")
    office.releaser.leave()
    office.pacing.close()
    await office.releaser.close()
    row = await parcel(office, message)
    assert (row["state"], row["rule"], row["due_at"]) == ("parked", "draining", NOW)
    assert (row["leased_by"], tries(row)) == (None, 0)
    assert await office.release() == 0


async def _in_line(office: Office) -> bool:
    return len(office.line) == 1


async def test_without_a_token_it_waits_for_one(office: Office) -> None:
    first, *_ = [await office.park(number, **aged(number)) for number in range(20)]
    await office.stock.fetch("update wabas set sealed_token = null")
    await office.directory.refresh()
    assert await office.release() == FEW
    assert await office.release() == 0
    row = await parcel(office, first)
    assert (row["rule"], row["due_at"], tries(row)) == ("account", aged(0)["due_at"], 0)
    async with office.stock.database.connection() as connection:
        await apps.put_token(connection, WABA, VAULT.seal("new"))
    await office.directory.refresh()
    office.releaser.lift()
    await office.release(rounds=3)
    assert len(office.cloud.seen) == 20


async def test_what_cannot_be_opened_stands_in_nobodys_way(office: Office) -> None:
    broken = await office.park(1, sealed=Vault("another key").seal("{}"), due_at=NOW - HOUR)
    whole = await office.park(2)
    await office.release()
    assert office.cloud.users == [user(2)]
    row = await parcel(office, broken)
    assert (row["state"], row["rule"], row["due_at"]) == ("parked", "unsendable", NOW + BROKEN)
    assert await office.state(whole) == "accepted"


async def test_what_meta_does_not_take_for_now_is_tried_again_and_counted(stock: Stock) -> None:
    knobs = changed(KNOBS, off=KNOBS.off | {"repetition"})
    async with running(Office(stock.database, knobs=knobs)) as office:
        message = await office.park()
        office.cloud.outcome = refused(133004)
        wait = FIRST
        for attempt in range(1, MOST_ATTEMPTS):
            assert await office.release() == 1
            row = await parcel(office, message)
            assert (row["state"], tries(row)) == ("parked", attempt)
            assert row["due_at"] == office.clock.now() + wait
            assert await stock.ledger() == {}
            office.clock.advance(wait)
            wait = min(2 * wait, LONGEST)
        assert await office.release() == 1
        row = await parcel(office, message)
        assert (row["state"], row["detail"]) == ("dead", "133004: no")
        assert await office.state(message) == "refused"
        assert len(office.cloud.seen) == MOST_ATTEMPTS


@pytest.mark.parametrize(
    ("outcome", "state", "parcel_state", "holds"),
    [
        (refused(131026), "refused", "dead", 0),
        (refused(2**40), "refused", "dead", 0),
        (InDoubt(META, "reset"), "in_doubt", "sending", 1),
    ],
)
async def test_what_meta_refuses_for_good_is_dead_and_a_doubt_is_kept(
    office: Office, outcome: Outcome, state: str, parcel_state: str, holds: int
) -> None:
    message = await office.park()
    office.cloud.outcome = outcome
    await office.release()
    assert await office.state(message) == state
    assert (await parcel(office, message))["state"] == parcel_state
    assert len(await office.stock.ledger()) == holds
    office.clock.advance(HOUR)
    assert await office.release() == 0


async def test_what_may_never_go_is_dead_with_the_reason(office: Office) -> None:
    await office.stock.add_template(status="DISABLED")
    message = await office.park()
    await office.release()
    row = await parcel(office, message)
    assert (row["state"], row["rule"], tries(row)) == ("dead", "template", 0)
    assert await office.state(message) == "turned_away"
    assert office.cloud.seen == []


async def test_when_the_database_goes_away_meanwhile_it_goes_once_and_later(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "RELEASE_WAIT_S", 0.05)
    database = await Database.open(server.url, timeout_s=5)
    try:
        stock = Stock(database)
        await stock.add_pool()
        await stock.add_number(NUMBER)
        async with running(Office(database)) as office:
            message = await office.park()
            office.line.hold(0.3)
            assert await office.releaser.run_once() == 1
            await server.stop()
            await office.releaser.close()
            assert office.cloud.seen == []
            await server.start()
            # Nobody waits for the lease to lapse.
            assert await office.release() == 1
            assert await office.state(message) == "accepted"
            assert len(office.cloud.seen) == 1
    finally:
        database.terminate()
