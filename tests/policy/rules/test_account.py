import pytest

from gateway.policy.rules.account import rule
from gateway.whatsapp.number import NumberStatus
from tests.policy.making import KNOBS, NOW, facts, number, template, text

SENDS = {
    NumberStatus.CONNECTED,
    NumberStatus.FLAGGED,
    NumberStatus.RESTRICTED,
    NumberStatus.RATE_LIMITED,
    NumberStatus.LINKED,
    NumberStatus.UNKNOWN,
}


@pytest.mark.parametrize("status", NumberStatus)
def test_only_a_status_that_cannot_send_stops_a_number(status: NumberStatus) -> None:
    objection = rule(template(), facts(number=number(status=status)), KNOBS, NOW)
    assert (objection is None) is (status in SENDS)
    if objection is not None:
        assert objection.code == (131031 if status is NumberStatus.BANNED else 133010)
        assert objection.until is None


def test_an_open_window_does_not_help_a_banned_number() -> None:
    banned = facts(number=number(status=NumberStatus.BANNED), window_open=True)
    assert rule(text(), banned, KNOBS, NOW) is not None


def test_the_sentence_names_the_status() -> None:
    objection = rule(text(), facts(number=number(status=NumberStatus.PENDING)), KNOBS, NOW)
    assert objection is not None
    assert "PENDING" in objection.details
