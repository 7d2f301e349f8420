import pytest

from gateway.policy.facts import UserFacts
from gateway.policy.rules.service_window import rule
from gateway.whatsapp.message import Message
from gateway.whatsapp.recipient import RecipientKind
from tests.policy.making import DAY, KNOBS, NOW, direct_send, facts, template, text


@pytest.mark.parametrize(
    ("message", "window_open", "refused"),
    [
        (text(), True, False),
        (text(), False, True),
        (template(), False, False),
        (template(), True, False),
        (direct_send(), False, False),
        (text(RecipientKind.GROUP), False, True),
        (text(RecipientKind.GROUP), True, False),
    ],
)
def test_free_form_needs_an_open_window(
    message: Message,
    window_open: bool,  # noqa: FBT001 - a table
    refused: bool,  # noqa: FBT001 - a table
) -> None:
    objection = rule(message, facts(window_open=window_open), KNOBS, NOW)
    assert (objection is not None) is refused
    if objection is not None:
        assert (objection.code, objection.until) == (131047, None)


def test_the_sentence_says_when_the_window_shut() -> None:
    user = UserFacts(last_inbound_at=NOW - DAY)
    objection = rule(text(), facts(user=user), KNOBS, NOW)
    assert objection is not None
    assert "shut at 2026-11-23 10:00:00 UTC" in objection.details


def test_the_sentence_says_when_there_never_was_one() -> None:
    objection = rule(text(), facts(), KNOBS, NOW)
    assert objection is not None
    assert "has not been open" in objection.details
