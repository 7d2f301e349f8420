import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import orjson
import pytest

from gateway.metrics import Metrics
from gateway.outbound.admission import LARGEST_BATCH, AdmissionDesk
from gateway.outbound.submission import Admission, Submission
from gateway.policy.verdict import Decision
from gateway.store import contacts, pools, quota
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError, UnknownNumberError
from gateway.store.pools import LimitSource
from gateway.whatsapp.ids import PhoneNumberId, UserId
from gateway.whatsapp.number import Regime
from gateway.whatsapp.recipient import RecipientKind
from tests.outage import Server
from tests.outbound.making import submission, user
from tests.policy.making import (
    DAY,
    HOUR,
    INSTANT,
    KNOBS,
    NOW,
    NUMBER,
    POOL,
    SECOND_NUMBER,
    SECOND_POOL,
    changed,
    template,
    text,
)
from tests.store.stocked import ManualClock, Stock

ADMIT, DEFER, REJECT = Decision.ADMIT, Decision.DEFER, Decision.REJECT


def desk_of(
    database: Database, clock: ManualClock | None = None, metrics: Metrics | None = None
) -> AdmissionDesk:
    return AdmissionDesk(database, clock or ManualClock(), KNOBS, metrics or Metrics())


def value(metrics: Metrics, name: str) -> float:
    return metrics.registry.get_sample_value(name) or 0.0


async def submit_all(desk: AdmissionDesk, submissions: list[Submission]) -> list[Admission]:
    return await asyncio.gather(*(desk.submit(each) for each in submissions))


def decisions(admissions: list[Admission]) -> list[Decision]:
    return [admission.verdict.decision for admission in admissions]


async def test_a_verdict_is_durable_when_it_is_given(stock: Stock) -> None:
    asked = submission(1)
    admission = await desk_of(stock.database).submit(asked)
    assert admission.verdict.decision is ADMIT
    assert (admission.allowance, admission.remaining) == (100, 99)
    assert await stock.ledger() == {user(1): NOW}
    row = await stock.message(asked.message_id)
    assert (row["state"], row["hold"], row["decision"]) == ("reserved", "reserved", "admit")
    assert (row["app_id"], row["template_name"], row["created_at"]) == ("shop", "order_update", NOW)
    assert row["correlated"]


async def test_a_refusal_is_journalled_with_every_objection(stock: Stock) -> None:
    asked = submission(1, message=text())
    admission = await desk_of(stock.database).submit(asked)
    assert admission.verdict.decision is REJECT
    row = await stock.message(asked.message_id)
    assert (row["state"], row["hold"], row["rule"], row["code"]) == (
        "turned_away",
        None,
        "service_window",
        131047,
    )
    (objection,) = orjson.loads(row["objections"])
    assert (objection["rule"], objection["shadow"]) == ("service_window", False)
    assert await stock.ledger() == {}


async def test_a_reply_inside_the_window_holds_no_slot(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        key = contacts.ContactKey(POOL, NUMBER, user(1))
        await contacts.open_windows(connection, {key: NOW - HOUR})
    asked = submission(1, message=text())
    assert (await desk_of(stock.database).submit(asked)).verdict.decision is ADMIT
    assert (await stock.message(asked.message_id))["hold"] is None
    assert await stock.ledger() == {}


async def test_below_a_lowered_limit_the_hour_told_is_that_of_the_first_slot_that_is_ours(
    stock: Stock,
) -> None:
    for number in range(4):
        await stock.send(user(number), NOW - (8 - number) * HOUR)
    await stock.add_pool(limit=2)
    verdict = (await desk_of(stock.database).submit(submission(9))).verdict
    assert verdict.decision is DEFER
    # Three of the four have to leave before there is room for one.
    assert verdict.retry_at == NOW - 6 * HOUR + DAY


async def test_who_comes_together_is_decided_together_in_the_order_of_arrival(
    stock: Stock,
) -> None:
    metrics = Metrics()
    desk = desk_of(stock.database, metrics=metrics)
    admissions = await submit_all(desk, [submission(n) for n in range(LARGEST_BATCH + 44)])
    assert value(metrics, "gateway_admission_batch_size_count") == 2
    assert value(metrics, "gateway_admission_batch_size_sum") == LARGEST_BATCH + 44
    assert decisions(admissions) == [ADMIT] * 100 + [DEFER] * 200
    assert len(await stock.ledger()) == 100
    assert value(metrics, "gateway_admission_conflicts_total") == 0


async def test_who_comes_while_a_batch_is_written_joins_the_next(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics()
    desk = desk_of(stock.database, metrics=metrics)
    later: list[asyncio.Task[Admission]] = []

    async def others_come() -> None:
        later.extend(asyncio.create_task(desk.submit(submission(n))) for n in range(2, 7))
        await asyncio.sleep(0)

    before_reserving(monkeypatch, others_come)
    await desk.submit(submission(1))
    await asyncio.gather(*later)
    assert value(metrics, "gateway_admission_batch_size_count") == 2
    assert len(await stock.ledger()) == 6


def before_reserving(
    monkeypatch: pytest.MonkeyPatch, happen: Callable[[], Awaitable[object]]
) -> None:
    """Let something happen once between the reading of the facts and the writing."""
    reserve, waiting = quota.reserve, [happen]

    async def hooked(*parameters: Any) -> Any:
        if waiting:
            await waiting.pop()()
        return await reserve(*parameters)

    monkeypatch.setattr(quota, "reserve", hooked)


async def test_a_batch_that_lost_a_race_is_decided_again_on_fresh_facts(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics()
    await stock.add_pool(limit=2)
    before_reserving(monkeypatch, lambda: stock.send(user(99), NOW))
    asked = [submission(1), submission(2)]
    admissions = await submit_all(desk_of(stock.database, metrics=metrics), asked)
    assert decisions(admissions) == [ADMIT, DEFER]
    assert [admission.remaining for admission in admissions] == [0, 0]
    assert set(await stock.ledger()) == {user(99), user(1)}
    assert value(metrics, "gateway_admission_conflicts_total") == 2
    states = [(await stock.message(each.message_id))["state"] for each in asked]
    assert states == ["reserved", "turned_away"]


async def test_only_the_pool_that_lost_is_decided_again(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics()
    await stock.add_pool(SECOND_POOL)
    await stock.add_number(SECOND_NUMBER, SECOND_POOL)
    before_reserving(monkeypatch, lambda: stock.send(user(99), NOW))
    elsewhere = submission(2, pool_id=SECOND_POOL, phone_number_id=SECOND_NUMBER)
    admissions = await submit_all(
        desk_of(stock.database, metrics=metrics), [submission(1), elsewhere]
    )
    assert decisions(admissions) == [ADMIT, ADMIT]
    assert value(metrics, "gateway_admission_conflicts_total") == 1
    assert set(await stock.ledger(SECOND_POOL)) == {user(2)}


async def test_a_restriction_that_came_in_between_is_obeyed(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_of(stock.database)
    await desk.submit(submission(1))
    before_reserving(
        monkeypatch,
        lambda: stock.change_number(restricted_until=NOW + HOUR, restricted_by="meta"),
    )
    admission = await desk.submit(submission(2))
    assert admission.verdict.decisive is not None
    assert admission.verdict.decisive.rule == "restriction"
    assert set(await stock.ledger()) == {user(1)}


async def test_two_processes_together_never_pass_the_limit(stock: Stock) -> None:
    desks = [desk_of(stock.database), desk_of(stock.database)]
    waves = [
        asyncio.gather(*(desks[n % 2].submit(submission(n)) for n in range(start, start + 50)))
        for start in range(0, 200, 50)
    ]
    admissions = [admission for wave in await asyncio.gather(*waves) for admission in wave]
    assert decisions(admissions).count(ADMIT) == 100
    assert len(await stock.ledger()) == 100


async def test_slots_free_at_their_instant_although_nobody_swept(stock: Stock) -> None:
    await stock.add_pool(limit=2)
    for number in (1, 2):
        await stock.send(user(number), NOW)
    clock = ManualClock(NOW + DAY - INSTANT)
    desk = desk_of(stock.database, clock)
    refused = await desk.submit(submission(3))
    assert refused.verdict.retry_at == NOW + DAY
    clock.at = NOW + DAY
    admitted = await submit_all(desk, [submission(3), submission(4), submission(5)])
    assert decisions(admitted) == [ADMIT, ADMIT, DEFER]
    assert set(await stock.ledger()) == {user(3), user(4)}


@pytest.mark.parametrize("oldest", [NOW - 23 * HOUR, NOW - HOUR])
async def test_the_hour_told_is_that_of_the_oldest_user(stock: Stock, oldest: datetime) -> None:
    await stock.add_pool(limit=2)
    await stock.send(user(1), NOW)
    await stock.send(user(2), oldest)
    admission = await desk_of(stock.database).submit(submission(3))
    assert admission.verdict.retry_at == oldest + DAY
    assert admission.remaining == 0


@pytest.mark.parametrize(("cap", "until"), [(0.02, NOW - 7 * HOUR), (0.01, NOW - 6 * HOUR)])
async def test_a_share_is_refused_with_the_hour_at_which_its_holder_has_a_slot_again(
    stock: Stock, cap: float, until: datetime
) -> None:
    await stock.share({"app:shop": {"cap": cap}, "app:post": {"cap": 0.5}})
    for number, app_id in enumerate(("post", "shop", "shop", "post")):
        await stock.send(user(number), NOW - (8 - number) * HOUR, app_id=app_id)
    desk = desk_of(stock.database)
    verdict = (await desk.submit(submission(9, app_id="shop"))).verdict
    assert verdict.decisive is not None
    assert (verdict.decisive.rule, verdict.retry_at) == ("share", until + DAY)
    assert (await desk.submit(submission(9, app_id="post"))).verdict.decision is ADMIT


async def test_what_is_kept_for_others_is_refused_with_the_hour_of_the_next_slot(
    stock: Stock,
) -> None:
    await stock.add_pool(limit=10)
    await stock.share({"app:bank": {"reserve": 0.8}})
    for number in range(2):
        await stock.send(user(number), NOW - (5 - number) * HOUR)
    verdict = (await desk_of(stock.database).submit(submission(9))).verdict
    assert verdict.decisive is not None
    assert (verdict.decisive.rule, verdict.retry_at) == ("share", NOW - 5 * HOUR + DAY)


async def test_a_number_that_reached_its_limit_is_restricted_for_every_process(
    stock: Stock,
) -> None:
    await stock.add_pool(limit=2, regime=Regime.PER_NUMBER)
    one, other = desk_of(stock.database), desk_of(stock.database)
    await other.submit(submission(1))
    await one.submit(submission(2))
    assert (await stock.number()).facts.restricted_until == NOW + DAY
    admission = await other.submit(submission(1))
    assert admission.verdict.decisive is not None
    assert (admission.verdict.decisive.rule, admission.verdict.retry_at) == (
        "restriction",
        NOW + DAY,
    )


async def test_a_limit_that_was_raised_is_used_at_once(stock: Stock) -> None:
    await stock.add_pool(limit=1)
    desk = desk_of(stock.database)
    assert decisions(await submit_all(desk, [submission(1), submission(2)])) == [ADMIT, DEFER]
    async with stock.database.transaction() as connection:
        await quota.touch(connection, [POOL])
        await pools.set_limit(connection, POOL, 2, LimitSource.META, NOW)
    assert (await desk.submit(submission(2))).verdict.decision is ADMIT


async def test_a_business_scoped_id_that_is_known_is_the_same_user(stock: Stock) -> None:
    bsuid = UserId("ES.13491208655302741918")
    async with stock.database.transaction() as connection:
        await quota.lock(connection, [POOL])
        await contacts.unite(connection, POOL, bsuid, user(1))
    desk = desk_of(stock.database)
    await desk.submit(submission(1))
    asked = submission(2, user_id=bsuid, message=template(RecipientKind.BSUID))
    await desk.submit(asked)
    assert set(await stock.ledger()) == {user(1)}
    assert (await stock.message(asked.message_id))["user_id"] == user(1)


async def test_a_group_holds_no_slot(stock: Stock) -> None:
    asked = submission(1, user_id=UserId("group-1"), message=template(RecipientKind.GROUP))
    assert (await desk_of(stock.database).submit(asked)).verdict.decision is ADMIT
    assert (await stock.message(asked.message_id))["hold"] is None
    assert await stock.ledger() == {}


async def test_a_number_that_has_left_its_pool_is_a_stranger_and_stops_nobody_else(
    stock: Stock,
) -> None:
    desk = desk_of(stock.database)
    stranger = PhoneNumberId("200000000000009")
    answers = await asyncio.gather(
        desk.submit(submission(1)),
        desk.submit(submission(2, phone_number_id=stranger)),
        desk.submit(submission(3)),
        return_exceptions=True,
    )
    assert isinstance(answers[1], UnknownNumberError)
    assert set(await stock.ledger()) == {user(1), user(3)}
    moved = submission(4)
    await stock.add_pool(SECOND_POOL)
    await stock.add_number(NUMBER, SECOND_POOL)
    with pytest.raises(UnknownNumberError, match=NUMBER):
        await desk.submit(moved)


async def test_a_message_that_cannot_be_written_stops_nobody_else(stock: Stock) -> None:
    desk = desk_of(stock.database)
    unwritable = submission(2, user_id=UserId("346\0"))
    answers = await asyncio.gather(
        desk.submit(submission(1)),
        desk.submit(unwritable),
        desk.submit(submission(3)),
        return_exceptions=True,
    )
    assert isinstance(answers[1], Exception)
    assert not isinstance(answers[1], StoreUnavailableError)
    assert set(await stock.ledger()) == {user(1), user(3)}


async def test_a_caller_who_goes_away_leaves_the_verdict_in_the_journal(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_of(stock.database)
    reserving, gone = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        reserving.set()
        await gone.wait()

    before_reserving(monkeypatch, pause)
    asked, neighbour = submission(1), submission(2)
    leaving = asyncio.create_task(desk.submit(asked))
    staying = asyncio.create_task(desk.submit(neighbour))
    await reserving.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    gone.set()
    assert (await staying).verdict.decision is ADMIT
    assert (await stock.message(asked.message_id))["state"] == "reserved"


async def test_with_the_database_away_every_caller_is_told_and_it_comes_back_by_itself(
    server: Server,
) -> None:
    database = await Database.open(server.url, timeout_s=5)
    try:
        stock = Stock(database)
        await stock.add_pool()
        await stock.add_number(NUMBER)
        desk = desk_of(database)
        await desk.submit(submission(1))
        await server.stop()
        answers = await asyncio.gather(
            *(desk.submit(submission(n)) for n in range(300)), return_exceptions=True
        )
        assert {type(answer) for answer in answers} == {StoreUnavailableError}
        await server.start()
        assert (await desk.submit(submission(2))).verdict.decision is ADMIT
        assert set(await stock.ledger()) == {user(1), user(2)}
    finally:
        database.terminate()


async def test_rules_in_shadow_are_journalled_as_such(stock: Stock) -> None:
    knobs = changed(KNOBS, shadow=frozenset({"service_window"}))
    desk = AdmissionDesk(stock.database, ManualClock(), knobs, Metrics())
    asked = submission(1, message=text())
    assert (await desk.submit(asked)).verdict.decision is ADMIT
    (objection,) = orjson.loads((await stock.message(asked.message_id))["objections"])
    assert (objection["rule"], objection["shadow"]) == ("service_window", True)
