from datetime import timedelta

import pytest

from gateway.policy.facts import RestrictionFacts
from gateway.policy.number_clock import Standing, advance, flag, stand, status
from gateway.whatsapp.number import UNLIMITED, NumberStatus, QualityRating, Regime
from gateway.whatsapp.restriction import RestrictionType
from tests.policy.making import DAY, INSTANT, KNOBS, NOW, number

OWN, SHARED = Regime.PER_NUMBER, Regime.PORTFOLIO
RED = QualityRating.RED


def test_restricted_ends_at_its_instant_and_not_before() -> None:
    restricted = number(restricted_until=NOW, restricted_by="ledger")
    before = advance(Standing(restricted, 250), OWN, NOW - INSTANT)
    assert before == Standing(restricted, 250)
    assert advance(Standing(restricted, 250), OWN, NOW) == Standing(number(), 250)


@pytest.mark.parametrize(
    ("rating", "limit", "after"),
    [
        (QualityRating.GREEN, 1000, 1000),
        (QualityRating.YELLOW, 1000, 1000),
        (QualityRating.RED, 1000, 250),
        (QualityRating.UNKNOWN, 1000, 250),
        (QualityRating.RED, 250, 50),
        (QualityRating.RED, 50, 50),
        (QualityRating.RED, UNLIMITED, 100_000),
    ],
)
def test_seven_days_flagged_cost_a_level_unless_the_rating_recovered(
    rating: QualityRating, limit: int, after: int
) -> None:
    flagged = number(flagged_until=NOW, quality_rating=rating)
    assert advance(Standing(flagged, limit), OWN, NOW - INSTANT).messaging_limit == limit
    ended = advance(Standing(flagged, limit), OWN, NOW)
    assert ended == Standing(number(quality_rating=rating, recovering_since=NOW), after)


def test_what_meta_had_stopped_recovers_from_the_end_of_the_stop_however_late() -> None:
    restricted = number(restricted_until=NOW, restricted_by="meta")
    ended = advance(Standing(restricted, 250), OWN, NOW + DAY)
    assert ended == Standing(number(recovering_since=NOW), 250)


def test_asking_twice_changes_nothing() -> None:
    flagged = number(
        flagged_until=NOW, restricted_until=NOW, restricted_by="meta", quality_rating=RED
    )
    once = advance(Standing(flagged, 1000), OWN, NOW)
    assert advance(once, OWN, NOW + 30 * DAY) == once


def test_a_number_recovers_from_the_end_of_what_stopped_its_account() -> None:
    kind = RestrictionType.RESTRICTED_BIZ_INITIATED_MESSAGING
    ends = [RestrictionFacts(kind, until) for until in (NOW, NOW + DAY, None)]
    standing = Standing(number(restricted_until=NOW - DAY, restricted_by="meta"), 250)
    for at, since in ((NOW - INSTANT, NOW - DAY), (NOW, NOW), (NOW + 2 * DAY, NOW + DAY)):
        assert stand(standing, OWN, ends, at) == Standing(number(recovering_since=since), 250)


def test_a_portfolio_keeps_its_limit_whatever_the_rating() -> None:
    flagged = number(flagged_until=NOW, quality_rating=RED)
    assert advance(Standing(flagged, 2000), SHARED, NOW).messaging_limit == 2000


def test_a_flag_runs_seven_days_from_the_event() -> None:
    flagged = flag(number(), KNOBS, NOW)
    assert flagged.flagged_until == NOW + timedelta(days=7)
    assert flagged.quality_rating is RED


def test_a_second_flag_does_not_start_the_days_again() -> None:
    flagged = flag(number(), KNOBS, NOW)
    assert flag(flagged, KNOBS, NOW + DAY) == flagged


@pytest.mark.parametrize(
    ("flagged_until", "restricted_until", "seen"),
    [
        (None, None, NumberStatus.CONNECTED),
        (NOW + INSTANT, None, NumberStatus.FLAGGED),
        (None, NOW + INSTANT, NumberStatus.RESTRICTED),
        (NOW + INSTANT, NOW + INSTANT, NumberStatus.RESTRICTED),
        (NOW + INSTANT, NOW, NumberStatus.FLAGGED),
        (NOW, NOW, NumberStatus.CONNECTED),
    ],
)
def test_the_status_shown_is_restricted_before_flagged_before_metas_word(
    flagged_until: object, restricted_until: object, seen: NumberStatus
) -> None:
    facts = number(flagged_until=flagged_until, restricted_until=restricted_until)
    assert status(facts, NOW) is seen


def test_metas_own_word_is_shown_when_no_clock_runs() -> None:
    assert status(number(status=NumberStatus.BANNED), NOW) is NumberStatus.BANNED
