from datetime import timedelta

import pytest

from gateway.policy.rules.spam_limit import rule
from tests.policy.making import HOUR, INSTANT, KNOBS, NOW, facts, number, template, text

LIMITED = number(spam_step=1, spam_until=NOW + HOUR)


def test_a_number_that_meta_limits_starts_no_conversation_until_the_next_probe() -> None:
    objection = rule(template(), facts(number=LIMITED), KNOBS, NOW)
    assert objection is not None
    assert (objection.rule, objection.code) == ("spam_limit", 131048)
    assert objection.until == NOW + HOUR
    assert "a probe may go at 2026-11-23 11:00:00 UTC" in objection.details


def test_replies_go_on() -> None:
    for message in (text(), template()):
        assert rule(message, facts(number=LIMITED, window_open=True), KNOBS, NOW) is None


@pytest.mark.parametrize(("early_by", "refused"), [(INSTANT, True), (0 * INSTANT, False)])
def test_a_probe_may_go_at_its_instant(early_by: timedelta, refused: bool) -> None:  # noqa: FBT001
    known = facts(number=LIMITED)
    assert (rule(template(), known, KNOBS, NOW + HOUR - early_by) is not None) is refused


def test_who_was_not_limited_is_not() -> None:
    assert rule(template(), facts(number=number()), KNOBS, NOW) is None
