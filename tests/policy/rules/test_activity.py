import pytest

from gateway.policy.facts import UserFacts
from gateway.policy.gcra import Gcra
from gateway.policy.paces import Activity, Allowance, Paces, Phase
from gateway.policy.rules.activity import rule
from gateway.whatsapp.message import Message
from gateway.whatsapp.recipient import RecipientKind
from tests.policy.making import HOUR, KNOBS, NOW, facts, template, text

FAR = NOW + 30 * HOUR
USUAL = Allowance(Phase.USUAL, users_hour=100, sends_10m=100, users_day=None)
WARM_UP = Allowance(Phase.WARM_UP, users_hour=13, sends_10m=13, users_day=50)
HOURLY = Gcra.within(100, HOUR)
BUSY = Activity(USUAL, Paces(users_hour_tat=NOW + HOURLY.burst * HOURLY.interval))
"""All the users that may be started with at once have been."""


def test_what_nobody_measures_is_not_slowed() -> None:
    assert rule(template(), facts(), KNOBS, NOW) is None


def test_a_number_that_has_started_little_may_go_on() -> None:
    assert rule(template(), facts(activity=Activity(USUAL, Paces())), KNOBS, NOW) is None


def test_a_new_user_too_many_waits_for_the_instant_that_fits() -> None:
    objection = rule(template(), facts(activity=BUSY), KNOBS, NOW)
    assert objection is not None
    assert (objection.rule, objection.code) == ("activity", 130429)
    assert objection.until == NOW + HOURLY.interval
    assert "100 new users an hour (usual)" in objection.details
    assert rule(template(), facts(activity=BUSY), KNOBS, NOW + HOURLY.interval) is None


def test_a_user_who_counts_is_no_new_one() -> None:
    known = facts(activity=BUSY, user=UserFacts(reached_at=NOW - HOUR))
    assert rule(template(), known, KNOBS, NOW) is None
    aged = facts(activity=BUSY, user=UserFacts(reached_at=NOW - 24 * HOUR))
    assert rule(template(), aged, KNOBS, NOW) is not None


def test_who_counts_waits_with_the_sends() -> None:
    spent = Activity(USUAL, Paces(sends_10m_tat=FAR))
    known = facts(activity=spent, user=UserFacts(reached_at=NOW - HOUR))
    objection = rule(template(), known, KNOBS, NOW)
    assert objection is not None
    assert "100 sends in 10 minutes" in objection.details


def test_a_ramp_is_named() -> None:
    spent = Activity(WARM_UP, Paces(users_day_tat=FAR))
    objection = rule(template(), facts(activity=spent), KNOBS, NOW)
    assert objection is not None
    assert "50 new users a day (warm_up)" in objection.details


@pytest.mark.parametrize(
    ("message", "window_open"),
    [(text(), True), (template(), True), (template(RecipientKind.GROUP), False)],
    ids=["reply", "template in a window", "group"],
)
def test_what_starts_nothing_is_never_slowed(message: Message, window_open: bool) -> None:  # noqa: FBT001
    spent = Activity(USUAL, Paces(FAR, FAR, FAR))
    assert rule(message, facts(activity=spent, window_open=window_open), KNOBS, NOW) is None
