from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.policy.facts import UserFacts
from gateway.policy.gcra import Gcra
from gateway.policy.rules.pair_rate import rule, schedule
from tests.policy.making import INSTANT, KNOBS, NOW, facts, template, text

TOLERANCE = 29 * timedelta(seconds=6)


def test_a_first_message_fits() -> None:
    assert rule(text(), facts(), KNOBS, NOW) is None


@pytest.mark.parametrize(
    ("late_by", "refused"),
    [(timedelta(0), False), (INSTANT, True), (timedelta(seconds=6), True), (-INSTANT, False)],
)
def test_the_burst_fits_to_the_instant(late_by: timedelta, refused: bool) -> None:  # noqa: FBT001
    known = facts(user=UserFacts(pair_tat=NOW + TOLERANCE + late_by))
    objection = rule(template(), known, KNOBS, NOW)
    assert (objection is not None) is refused
    if objection is not None:
        assert (objection.code, objection.until) == (131056, NOW + late_by)


def test_an_open_window_does_not_lift_it() -> None:
    spent = UserFacts(pair_tat=NOW + TOLERANCE + timedelta(seconds=3))
    objection = rule(text(), facts(user=spent, window_open=True), KNOBS, NOW)
    assert objection is not None
    assert "1 in 6 s, 30 at once" in objection.details
    assert "2026-11-23 10:00:03 UTC" in objection.details


def test_without_a_burst_each_message_waits_its_interval() -> None:
    knobs = replace(KNOBS, pair_capacity=1)
    user = UserFacts(pair_tat=NOW + timedelta(seconds=6))
    objection = rule(text(), facts(user=user), knobs, NOW)
    assert objection is not None
    assert objection.until == NOW + timedelta(seconds=6)
    assert rule(text(), facts(user=user), knobs, NOW + timedelta(seconds=6)) is None


def test_the_schedule_is_that_of_the_knobs() -> None:
    assert schedule(KNOBS) == Gcra(timedelta(seconds=6), 30)
    assert schedule(replace(KNOBS, pair_capacity=1)).burst == 1


def test_what_the_schedule_has_room_for_is_what_the_rule_lets_pass() -> None:
    pair = schedule(KNOBS)
    tat = None
    for _ in range(30):
        assert rule(text(), facts(user=UserFacts(pair_tat=tat)), KNOBS, NOW) is None
        tat = pair.taken(tat, NOW)
    objection = rule(text(), facts(user=UserFacts(pair_tat=tat)), KNOBS, NOW)
    assert objection is not None
    assert objection.until == pair.fits_at(tat, NOW) == NOW + timedelta(seconds=6)
