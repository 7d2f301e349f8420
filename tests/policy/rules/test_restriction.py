from datetime import datetime

import pytest

from gateway.policy.facts import RestrictionFacts, TemplateFacts
from gateway.policy.rules.restriction import rule
from gateway.whatsapp.message import Message
from gateway.whatsapp.restriction import RestrictionType as Kind
from gateway.whatsapp.template import TemplateCategory, TemplateStatus
from tests.policy.making import (
    HOUR,
    INSTANT,
    KNOBS,
    NOW,
    direct_send,
    facts,
    number,
    template,
    text,
)

ALL = Kind.RESTRICTED_BIZ_INITIATED_MESSAGING
REPLIES = Kind.RESTRICTED_CUSTOMER_INITIATED_MESSAGING
UTILITY = Kind.RESTRICTED_UTILITY_TEMPLATES
DIRECT = Kind.RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES
MARKETING_TEMPLATE = TemplateFacts(TemplateCategory.MARKETING, TemplateStatus.APPROVED)


def until(kind: Kind, end: datetime | None = NOW + HOUR) -> tuple[RestrictionFacts, ...]:
    return (RestrictionFacts(kind, end),)


def test_replies_pass_a_restricted_number_and_templates_do_not() -> None:
    restricted = number(restricted_until=NOW + HOUR, restricted_by="ledger")
    objection = rule(template(), facts(number=restricted), KNOBS, NOW)
    assert objection is not None
    assert (objection.code, objection.until) == (368, NOW + HOUR)
    assert "replies only until 2026-11-23 11:00:00 UTC" in objection.details
    for reply in (text(), template()):
        assert rule(reply, facts(number=restricted, window_open=True), KNOBS, NOW) is None


@pytest.mark.parametrize(("end", "refused"), [(NOW, False), (NOW + INSTANT, True)])
def test_both_kinds_of_restriction_end_at_their_instant(end: datetime, refused: bool) -> None:  # noqa: FBT001
    for known in (facts(number=number(restricted_until=end)), facts(restrictions=until(ALL, end))):
        assert (rule(template(), known, KNOBS, NOW) is not None) is refused


@pytest.mark.parametrize(
    ("kind", "message", "window_open", "refused"),
    [
        (ALL, template(), False, True),
        (ALL, template(), True, False),
        (ALL, text(), True, False),
        (REPLIES, text(), True, True),
        (REPLIES, template(), False, False),
        (UTILITY, template(), False, True),
        (UTILITY, template(), True, True),
        (UTILITY, text(), True, False),
        (DIRECT, direct_send(), False, True),
        (DIRECT, template(), False, False),
        (Kind.UNKNOWN, template(), False, True),
        (Kind.UNKNOWN, text(), True, False),
        (Kind.RESTRICTED_ADD_PHONE_NUMBER_ACTION, template(), False, False),
        (Kind.RESTRICTED_USER_INITIATED_CALLING, template(), False, False),
    ],
)
def test_a_restriction_stops_what_it_names(
    kind: Kind,
    message: Message,
    window_open: bool,  # noqa: FBT001 - a table
    refused: bool,  # noqa: FBT001 - a table
) -> None:
    known_template = facts().template if message.template else None
    known = facts(restrictions=until(kind), window_open=window_open, template=known_template)
    assert (rule(message, known, KNOBS, NOW) is not None) is refused


def test_a_restriction_of_utility_templates_passes_marketing() -> None:
    known = facts(restrictions=until(UTILITY), template=MARKETING_TEMPLATE)
    assert rule(template(), known, KNOBS, NOW) is None


def test_of_several_the_one_that_ends_last_is_told() -> None:
    known = facts(
        number=number(restricted_until=NOW + HOUR),
        restrictions=until(ALL, NOW + 3 * HOUR) + until(UTILITY, NOW + 2 * HOUR),
    )
    objection = rule(template(), known, KNOBS, NOW)
    assert objection is not None
    assert objection.until == NOW + 3 * HOUR
    assert str(ALL) in objection.details


def test_without_an_announced_end_waiting_does_not_help() -> None:
    known = facts(restrictions=until(UTILITY, NOW + HOUR) + until(ALL, None))
    objection = rule(template(), known, KNOBS, NOW)
    assert objection is not None
    assert objection.until is None
    assert "without an announced end" in objection.details


def test_an_endless_restriction_that_covers_something_else_says_nothing() -> None:
    assert rule(template(), facts(restrictions=until(REPLIES, None)), KNOBS, NOW) is None
