import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.inbound.account_events import TOLD_TO_THE_SECOND, AccountEvents
from gateway.store import numbers, quota, templates
from gateway.whatsapp.events import (
    AccountRestriction,
    AccountUpdate,
    CapabilityUpdate,
    Event,
    QualityEvent,
    QualityUpdate,
    Restriction,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateStatusUpdate,
)
from gateway.whatsapp.ids import WabaId
from gateway.whatsapp.number import NumberStatus, QualityRating, Regime
from gateway.whatsapp.restriction import RestrictionType
from gateway.whatsapp.template import TemplateCategory, TemplateQuality, TemplateStatus
from tests.inbound.making import inbound
from tests.policy.making import (
    DAY,
    HOUR,
    KEY,
    KNOBS,
    NOW,
    NUMBER,
    POOL,
    SECOND_NUMBER,
    SECOND_POOL,
    WABA,
)
from tests.store.stocked import Stock

Q = QualityEvent
WEEK = timedelta(days=7)
BAN = RestrictionType.RESTRICTED_BIZ_INITIATED_MESSAGING


@pytest.fixture
async def own(stock: Stock) -> Stock:
    """Return a stock where the first number has a pool of its own, limited to 1,000."""
    await stock.add_pool(limit=1000, regime=Regime.PER_NUMBER)
    await stock.add_pool(SECOND_POOL, limit=2000)
    await stock.add_number(SECOND_NUMBER, SECOND_POOL)
    return stock


async def apply(stock: Stock, *events: Event) -> int:
    """Apply events; return how often somebody was told of a change."""
    told: list[int] = []
    learner = AccountEvents(KNOBS, lambda: told.append(1))
    async with stock.database.connection() as connection:
        await learner.apply(connection, events)
    return len(told)


def quality(
    event: QualityEvent,
    at: datetime = NOW,
    *,
    current: int | None = None,
    business: int | None = None,
    number: str = NUMBER,
) -> QualityUpdate:
    display = f"1555{number[-7:-4]}{number[-4:]}"
    return QualityUpdate(WABA, display, event, current, business, at)


def template_status(
    status: TemplateStatus,
    at: datetime = NOW,
    *,
    title: str | None = None,
    category: TemplateCategory | None = None,
) -> TemplateStatusUpdate:
    return TemplateStatusUpdate(WABA, "7001", KEY, status, status, title, category, at)


def restriction(until: datetime | None, at: datetime = NOW) -> AccountRestriction:
    return AccountRestriction(WABA, (Restriction(BAN, BAN, until),), at)


async def template(stock: Stock) -> Any:
    async with stock.database.connection() as connection:
        rows = await templates.of_waba(connection, WABA)
    return rows[0] if rows else None


# --- quality


async def test_a_flag_starts_seven_days_from_the_event(own: Stock) -> None:
    before = await own.version()
    assert await apply(own, quality(Q.FLAGGED)) == 1
    row = await own.number()
    assert row.facts.flagged_until == NOW + WEEK
    assert row.facts.quality_rating is QualityRating.RED
    assert (await own.version()).epoch > before.epoch
    assert (await own.number(SECOND_NUMBER)).facts.flagged_until is None


@pytest.mark.parametrize("number", [NUMBER, SECOND_NUMBER])
async def test_a_number_that_is_not_flagged_any_more_recovers(own: Stock, number: Any) -> None:
    flagged = quality(Q.FLAGGED, number=number)
    await apply(own, flagged)
    assert (await own.number(number)).facts.recovering_since is None
    await apply(own, quality(Q.UNFLAGGED, NOW + DAY, number=number))
    assert (await own.number(number)).facts.recovering_since == NOW + DAY


async def test_in_a_portfolio_a_flag_only_tells_the_rating(own: Stock) -> None:
    await apply(own, quality(Q.FLAGGED, number=SECOND_NUMBER))
    facts = (await own.number(SECOND_NUMBER)).facts
    assert (facts.flagged_until, facts.quality_rating) == (None, QualityRating.RED)


async def test_duplicates_of_a_flag_do_not_start_the_days_again(own: Stock) -> None:
    flagged = quality(Q.FLAGGED)
    await apply(own, flagged, flagged, quality(Q.FLAGGED, NOW + HOUR))
    assert (await own.number()).facts.flagged_until == NOW + WEEK


@pytest.mark.parametrize("ended_by", [Q.UNFLAGGED, Q.DOWNGRADE])
async def test_a_flag_that_is_over_is_not_raised_again_by_a_late_webhook(
    own: Stock, ended_by: QualityEvent
) -> None:
    await apply(own, quality(Q.FLAGGED), quality(ended_by, NOW + DAY))
    assert (await own.number()).facts.flagged_until is None
    await apply(own, quality(Q.FLAGGED), quality(Q.FLAGGED, NOW + HOUR))
    assert (await own.number()).facts.flagged_until is None


async def test_events_in_the_wrong_order_end_with_the_later_one(own: Stock) -> None:
    await apply(own, quality(Q.UNFLAGGED, NOW + HOUR), quality(Q.FLAGGED))
    facts = (await own.number()).facts
    assert (facts.flagged_until, facts.quality_rating) == (None, QualityRating.YELLOW)


async def test_a_downgrade_sets_the_limit_and_ends_the_flag(own: Stock) -> None:
    await apply(own, quality(Q.FLAGGED), quality(Q.DOWNGRADE, NOW + WEEK, current=250))
    row = await own.number()
    assert (row.messaging_limit, row.facts.flagged_until) == (250, None)


@pytest.mark.parametrize("turned", [False, True])
async def test_of_two_limits_the_later_holds(own: Stock, turned: bool) -> None:  # noqa: FBT001
    events = [
        quality(Q.DOWNGRADE, NOW, current=250),
        quality(Q.UPGRADE, NOW + HOUR, current=1000),
    ]
    await apply(own, *(reversed(events) if turned else events))
    assert (await own.number()).messaging_limit == 1000


async def test_each_regime_takes_the_limit_that_is_its_own(own: Stock) -> None:
    await apply(
        own,
        quality(Q.UPGRADE, current=10_000, business=100_000),
        quality(Q.UPGRADE, number=SECOND_NUMBER, current=10_000, business=100_000),
    )
    assert (await own.number()).messaging_limit == 10_000
    assert (await own.number(SECOND_NUMBER)).messaging_limit == 100_000


async def test_a_higher_throughput_is_used(own: Stock) -> None:
    await apply(own, quality(Q.THROUGHPUT_UPGRADE))
    assert (await own.number()).throughput == 1000


@pytest.mark.parametrize("event", [Q.UPGRADE, Q.ONBOARDING, Q.UNKNOWN])
async def test_other_quality_events_leave_a_flag(own: Stock, event: QualityEvent) -> None:
    await apply(own, quality(Q.FLAGGED), quality(event, NOW + HOUR))
    assert (await own.number()).facts.flagged_until == NOW + WEEK


async def test_an_event_of_another_accounts_number_changes_nothing(own: Stock) -> None:
    other = quality(Q.FLAGGED)
    event = QualityUpdate(WabaId("9"), other.display_phone_number, Q.FLAGGED, None, None, NOW)
    await apply(own, event)
    assert (await own.number()).facts.flagged_until is None


# --- limits


async def test_a_capability_sets_the_limit_of_each_regime(own: Stock) -> None:
    await apply(own, CapabilityUpdate(WABA, 10_000, 250, NOW))
    assert (await own.number()).messaging_limit == 250
    assert (await own.number(SECOND_NUMBER)).messaging_limit == 10_000


async def test_a_limit_meta_did_not_name_stays(own: Stock) -> None:
    await apply(own, CapabilityUpdate(WABA, None, None, NOW))
    assert (await own.number()).messaging_limit == 1000


# --- restrictions and accounts


async def test_a_restriction_is_remembered_for_every_pool_of_the_account(own: Stock) -> None:
    before = await own.version(), await own.version(SECOND_POOL)
    announced = restriction(NOW + DAY)
    await apply(own, announced, announced)
    async with own.database.connection() as connection:
        (row,) = await numbers.restrictions(connection, WABA)
    assert (row["restriction_type"], row["restricted_until"]) == (BAN, NOW + DAY)
    after = await own.version(), await own.version(SECOND_POOL)
    assert all(now.epoch > then.epoch for now, then in zip(after, before, strict=True))


async def test_a_late_copy_of_a_restriction_does_not_shorten_it(own: Stock) -> None:
    await apply(own, restriction(NOW + 3 * DAY, NOW + HOUR), restriction(NOW + DAY))
    async with own.database.connection() as connection:
        (row,) = await numbers.restrictions(connection, WABA)
    assert row["restricted_until"] == NOW + 3 * DAY


@pytest.mark.parametrize(
    ("event", "ban_state", "status"),
    [
        ("DISABLED_UPDATE", "DISABLE", NumberStatus.BANNED),
        ("DISABLED_UPDATE", "SCHEDULE_FOR_DISABLE", NumberStatus.CONNECTED),
        ("ACCOUNT_DELETED", None, NumberStatus.DELETED),
        ("ACCOUNT_OFFBOARDED", None, NumberStatus.DISCONNECTED),
        ("SOMETHING_NEW", None, NumberStatus.CONNECTED),
    ],
)
async def test_an_account_event_tells_for_all_numbers_of_the_account(
    own: Stock, event: str, ban_state: str | None, status: NumberStatus
) -> None:
    await apply(own, AccountUpdate(WABA, event, ban_state, None, NOW))
    for number in (NUMBER, SECOND_NUMBER):
        assert (await own.number(number)).facts.status is status


@pytest.mark.parametrize("turned", [False, True])
async def test_a_ban_that_was_lifted_stays_lifted(own: Stock, turned: bool) -> None:  # noqa: FBT001
    events = [
        AccountUpdate(WABA, "DISABLED_UPDATE", "DISABLE", None, NOW),
        AccountUpdate(WABA, "DISABLED_UPDATE", "REINSTATE", None, NOW + HOUR),
    ]
    await apply(own, *(reversed(events) if turned else events))
    facts = (await own.number()).facts
    assert facts.status is NumberStatus.CONNECTED
    assert facts.recovering_since == (None if turned else NOW + HOUR)


async def test_a_reinstated_account_is_free_of_what_was_announced_before(own: Stock) -> None:
    back = AccountUpdate(WABA, "DISABLED_UPDATE", "REINSTATE", None, NOW + HOUR)
    await apply(own, restriction(NOW + 3 * DAY), back)
    async with own.database.connection() as connection:
        assert await numbers.restrictions(connection, WABA) == []
    assert (await own.number()).facts.recovering_since == NOW + HOUR
    await apply(own, restriction(NOW + 3 * DAY, NOW + 2 * HOUR), back)
    async with own.database.connection() as connection:
        assert len(await numbers.restrictions(connection, WABA)) == 1


async def test_what_was_written_while_an_account_event_waited_is_kept(own: Stock) -> None:
    """The desk restricts a number under the lock that the event waits for."""
    event = AccountUpdate(WABA, "ACCOUNT_OFFBOARDED", None, None, NOW)
    async with own.database.transaction() as connection:
        await quota.touch(connection, [POOL])
        applying = asyncio.create_task(apply(own, event))
        await own.waiting_for_a_lock(1)
        await connection.execute(
            "update numbers set restricted_until = $2, restricted_by = 'ledger'"
            " where phone_number_id = $1",
            NUMBER,
            NOW + DAY,
        )
    await applying
    facts = (await own.number()).facts
    assert (facts.status, facts.restricted_until) == (NumberStatus.DISCONNECTED, NOW + DAY)


# --- templates


@pytest.mark.parametrize(
    ("title", "pause"), [("FIRST_PAUSE", 3), ("SECOND_PAUSE", 6), ("RATE_LIMITING_PAUSE", None)]
)
async def test_a_pause_has_the_end_that_its_kind_has(
    own: Stock, title: str, pause: int | None
) -> None:
    await apply(own, template_status(TemplateStatus.PAUSED, title=title))
    row = await template(own)
    assert row["status"] == "PAUSED"
    end = None if pause is None else NOW + pause * HOUR + TOLD_TO_THE_SECOND
    assert row["paused_until"] == end


async def test_a_template_that_is_approved_again_has_no_pause(own: Stock) -> None:
    paused = template_status(TemplateStatus.PAUSED, title="FIRST_PAUSE")
    await apply(own, paused, template_status(TemplateStatus.APPROVED, NOW + HOUR), paused)
    row = await template(own)
    assert (row["status"], row["paused_until"]) == ("APPROVED", None)


async def test_a_status_that_says_nothing_of_sending_changes_nothing(own: Stock) -> None:
    await apply(own, template_status(TemplateStatus.PAUSED, title="FIRST_PAUSE"))
    await apply(own, template_status(TemplateStatus.UNKNOWN, NOW + HOUR))
    assert (await template(own))["status"] == "PAUSED"


async def test_category_and_rating_of_a_template_are_learnt(own: Stock) -> None:
    category, score = TemplateCategory, TemplateQuality
    await apply(
        own,
        template_status(TemplateStatus.APPROVED, category=category.UTILITY),
        TemplateCategoryUpdate(WABA, "7001", KEY, category.MARKETING, None, NOW + HOUR),
        TemplateQualityUpdate(WABA, "7001", KEY, score.GREEN, score.RED, NOW),
    )
    row = await template(own)
    assert (row["category"], row["quality"]) == ("MARKETING", "RED")


# --- all of them


async def test_events_of_messages_are_somebody_elses(own: Stock) -> None:
    assert await apply(own, inbound()) == 0


async def test_everything_twice_and_backwards_ends_the_same(own: Stock) -> None:
    events: list[Event] = [
        quality(Q.FLAGGED),
        quality(Q.UNFLAGGED, NOW + HOUR),
        quality(Q.DOWNGRADE, NOW + 2 * HOUR, current=250),
        CapabilityUpdate(WABA, 10_000, 1000, NOW + 3 * HOUR),
        restriction(NOW + 2 * DAY),
        AccountUpdate(WABA, "DISABLED_UPDATE", "DISABLE", None, NOW),
        AccountUpdate(WABA, "DISABLED_UPDATE", "REINSTATE", None, NOW + HOUR),
        template_status(TemplateStatus.PAUSED, title="FIRST_PAUSE"),
        template_status(TemplateStatus.APPROVED, NOW + HOUR),
    ]

    async def end() -> object:
        return [
            (row.facts, row.messaging_limit, row.throughput)
            for row in (await own.number(), await own.number(SECOND_NUMBER))
        ], (await template(own))["status"]

    await apply(own, *events)
    expected = await end()
    await apply(own, *reversed(events), *events)
    assert await end() == expected
