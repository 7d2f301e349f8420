from datetime import timedelta

import pytest

from gateway.policy.facts import Said, UserFacts
from gateway.policy.rules.repetition import rule
from gateway.whatsapp.message import Message
from tests.policy.making import HOUR, INSTANT, KNOBS, NOW, changed, facts, template, text

WINDOW = KNOBS.repetition_window
PROMOTION = changed(template(), content=7)
GREETING = changed(text(), content=7)
EVERYBODY = KNOBS.repetition_users_hour


def told(*recent: Said) -> UserFacts:
    return UserFacts(recent=recent)


@pytest.mark.parametrize("message", [PROMOTION, GREETING], ids=["template", "free-form"])
@pytest.mark.parametrize(("times", "refused"), [(1, False), (4, False), (5, True), (6, True)])
def test_the_same_goes_to_a_user_so_often(
    message: Message,
    times: int,
    refused: bool,  # noqa: FBT001 - a table
) -> None:
    said = Said(7, times, NOW - timedelta(minutes=4))
    objection = rule(message, facts(user=told(said), window_open=True), KNOBS, NOW)
    assert (objection is not None) is refused
    if objection is not None:
        assert (objection.rule, objection.code) == ("repetition", 131048)
        assert objection.until == NOW + timedelta(minutes=6)
        assert f"the same {times} times since 2026-11-23 09:56:00 UTC" in objection.details


def test_something_else_may_be_said() -> None:
    assert rule(PROMOTION, facts(user=told(Said(8, 99, NOW))), KNOBS, NOW) is None
    both = told(Said(8, 1, NOW), Said(7, 99, NOW))
    assert rule(PROMOTION, facts(user=both), KNOBS, NOW) is not None


@pytest.mark.parametrize(("age", "refused"), [(WINDOW - INSTANT, True), (WINDOW, False)])
def test_the_window_ends_at_its_instant(age: timedelta, refused: bool) -> None:  # noqa: FBT001
    known = facts(user=told(Said(7, 5, NOW - age)))
    assert (rule(PROMOTION, known, KNOBS, NOW) is not None) is refused


@pytest.mark.parametrize(
    ("users", "refused"), [(EVERYBODY - 1, False), (EVERYBODY, True), (EVERYBODY + 1, True)]
)
def test_the_same_text_goes_to_so_many_users_an_hour(users: int, refused: bool) -> None:  # noqa: FBT001
    now = NOW + timedelta(minutes=17, seconds=5)
    objection = rule(GREETING, facts(spread=users, window_open=True), KNOBS, now)
    assert (objection is not None) is refused
    if objection is not None:
        assert (objection.code, objection.until) == (131048, NOW + HOUR)
        assert f"went to {users} users this hour" in objection.details


def test_templates_are_made_for_a_crowd() -> None:
    assert rule(PROMOTION, facts(spread=EVERYBODY), KNOBS, NOW) is None


def test_who_got_it_lately_is_no_further_user() -> None:
    known = facts(user=told(Said(7, 1, NOW - INSTANT)), spread=EVERYBODY)
    assert rule(GREETING, known, KNOBS, NOW) is None


def test_who_got_it_long_ago_is_a_user_like_any_other() -> None:
    known = facts(user=told(Said(7, 1, NOW - WINDOW)), spread=EVERYBODY)
    assert rule(GREETING, known, KNOBS, NOW) is not None
