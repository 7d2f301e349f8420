from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.facts import NumberFacts, RestrictionFacts
from gateway.policy.recovery import recovering, released
from gateway.whatsapp.number import NumberStatus, QualityRating
from gateway.whatsapp.restriction import RestrictionType
from tests.policy.making import DAY, HOUR, INSTANT, NOW, number

RED, YELLOW, GREEN = QualityRating.RED, QualityRating.YELLOW, QualityRating.GREEN
NO_STARTS = RestrictionType.RESTRICTED_BIZ_INITIATED_MESSAGING


def ends_late(until: datetime) -> NumberFacts:
    return number(restricted_until=until, restricted_by="meta")


@pytest.mark.parametrize(
    "before",
    [
        number(quality_rating=RED),
        number(status=NumberStatus.BANNED),
        number(status=NumberStatus.FLAGGED),
        number(flagged_until=NOW + DAY, quality_rating=RED),
        ends_late(NOW + HOUR),
    ],
)
def test_a_number_that_was_stopped_recovers_from_the_hour_it_was_let_go(
    before: NumberFacts,
) -> None:
    assert recovering(before, number(), NOW) == NOW
    assert recovering(number(), before, NOW) is None, "a stop that begins is no end"
    assert recovering(before, before, NOW) is None


@pytest.mark.parametrize("by", ["ledger", "limit"])
def test_a_number_that_used_up_its_limit_has_nothing_to_recover_from(by: str) -> None:
    before = number(restricted_until=NOW, restricted_by=by)
    assert recovering(before, number(), NOW) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (GREEN, YELLOW),
        (YELLOW, GREEN),
        (GREEN, RED),
        (QualityRating.UNKNOWN, GREEN),
    ],
)
def test_only_who_leaves_red_recovers(before: QualityRating, after: QualityRating) -> None:
    change = number(quality_rating=before), number(quality_rating=after)
    assert recovering(*change, NOW) is None


@pytest.mark.parametrize("status", [NumberStatus.DISCONNECTED, NumberStatus.PENDING])
def test_a_number_that_was_merely_away_does_not_recover(status: NumberStatus) -> None:
    assert recovering(number(status=status), number(), NOW) is None


def test_what_ran_out_by_itself_ended_at_its_own_hour() -> None:
    assert recovering(ends_late(NOW - HOUR), number(), NOW) == NOW - HOUR
    flagged = number(flagged_until=NOW - DAY)
    assert recovering(flagged, number(), NOW) == NOW - DAY


def test_a_flag_that_ends_under_a_red_rating_ends_and_so_does_the_rating_later() -> None:
    flagged = number(flagged_until=NOW, quality_rating=RED)
    red = number(quality_rating=RED)
    red = replace(red, recovering_since=recovering(flagged, red, NOW))
    assert red.recovering_since == NOW
    green = replace(red, quality_rating=GREEN)
    assert recovering(red, green, NOW + DAY) == NOW + DAY


def test_a_stop_that_ended_earlier_does_not_set_a_recovery_back() -> None:
    before = replace(ends_late(NOW - DAY), recovering_since=NOW - HOUR)
    assert recovering(before, number(recovering_since=NOW - HOUR), NOW) == NOW - HOUR


@given(
    st.tuples(*[st.booleans()] * 4),
    st.tuples(*[st.booleans()] * 4),
    st.one_of(st.none(), st.integers(-100, 100)),
)
def test_a_recovery_begins_with_an_end_never_in_the_future_and_never_goes_back(
    first: tuple[bool, ...], second: tuple[bool, ...], since_h: int | None
) -> None:
    since = None if since_h is None else NOW + since_h * HOUR
    before, after = (stopped(flags, since) for flags in (first, second))
    found = recovering(before, after, NOW)
    is_over = any(was and not still for was, still in zip(first, second, strict=True))
    assert (found is None) == (since is None and not is_over)
    if since is not None:
        assert found is not None
        assert found >= since
    if found is not None and found != since:
        assert is_over
        assert found <= NOW


def stopped(flags: tuple[bool, ...], since: datetime | None) -> NumberFacts:
    red, banned, flagged, restricted = flags
    return number(
        quality_rating=RED if red else GREEN,
        status=NumberStatus.BANNED if banned else NumberStatus.CONNECTED,
        flagged_until=NOW + HOUR if flagged else None,
        restricted_until=NOW - HOUR if restricted else None,
        restricted_by="meta" if restricted else None,
        recovering_since=since,
    )


@pytest.mark.parametrize(
    ("kind", "until", "since"),
    [
        (NO_STARTS, None, NOW),
        (NO_STARTS, NOW + DAY, NOW),
        (NO_STARTS, NOW - DAY, NOW - DAY),
        (RestrictionType.UNKNOWN, None, NOW),
        (RestrictionType.RESTRICTED_CUSTOMER_INITIATED_MESSAGING, None, None),
        (RestrictionType.RESTRICTED_UTILITY_TEMPLATES, None, None),
        (RestrictionType.RESTRICTED_BUSINESS_INITIATED_CALLING, None, None),
    ],
)
def test_an_account_restriction_that_stopped_conversations_is_recovered_from(
    kind: RestrictionType, until: datetime | None, since: datetime | None
) -> None:
    assert released(None, [RestrictionFacts(kind, until)], NOW) == since


def test_of_several_restrictions_the_last_to_end_counts() -> None:
    ends = (NOW - DAY, NOW - HOUR, NOW - 2 * DAY)
    ended = [RestrictionFacts(NO_STARTS, until) for until in ends]
    assert released(None, ended, NOW) == NOW - HOUR
    assert released(NOW - timedelta(minutes=1), ended, NOW) == NOW - timedelta(minutes=1)
    assert released(NOW, [], NOW + INSTANT) == NOW
