import pytest

from gateway.policy.facts import TemplateFacts, UserFacts
from gateway.policy.rules.marketing_preference import rule
from gateway.whatsapp.message import Message
from gateway.whatsapp.template import TemplateCategory, TemplateStatus
from tests.policy.making import HOUR, INSTANT, KNOBS, NOW, facts, template, text

STOPPED = UserFacts(marketing_stopped=True)
CAPPED = UserFacts(capped_until=NOW + HOUR)
PROMOTION = TemplateFacts(TemplateCategory.MARKETING, TemplateStatus.APPROVED)


@pytest.mark.parametrize(
    ("category", "refused"),
    [
        (TemplateCategory.MARKETING, True),
        (TemplateCategory.UNKNOWN, True),
        (TemplateCategory.UTILITY, False),
        (TemplateCategory.AUTHENTICATION, False),
    ],
)
@pytest.mark.parametrize("window_open", [True, False])
def test_who_stopped_marketing_gets_no_marketing_inside_the_window_or_outside(
    category: TemplateCategory,
    refused: bool,  # noqa: FBT001 - a table
    window_open: bool,  # noqa: FBT001 - a table
) -> None:
    known = TemplateFacts(category, TemplateStatus.APPROVED)
    objection = rule(
        template(), facts(user=STOPPED, template=known, window_open=window_open), KNOBS, NOW
    )
    assert (objection is not None) is refused
    if objection is not None:
        assert (objection.code, objection.until) == (131050, None)


def test_a_template_nobody_has_told_us_of_is_taken_for_marketing() -> None:
    assert rule(template(), facts(user=STOPPED, template=None), KNOBS, NOW) is not None


@pytest.mark.parametrize("message", [text(), template()], ids=["free-form", "template"])
def test_who_stopped_nothing_gets_everything(message: Message) -> None:
    assert rule(message, facts(template=None), KNOBS, NOW) is None


def test_a_reply_is_not_marketing() -> None:
    assert rule(text(), facts(user=STOPPED, template=None), KNOBS, NOW) is None


def test_whom_meta_lets_rest_gets_no_marketing_until_the_rest_ends() -> None:
    known = facts(user=CAPPED, template=PROMOTION)
    objection = rule(template(), known, KNOBS, NOW)
    assert objection is not None
    assert (objection.rule, objection.code) == ("marketing_preference", 131049)
    assert objection.until == NOW + HOUR
    assert "again at 2026-11-23 11:00:00 UTC" in objection.details
    assert rule(template(), known, KNOBS, NOW + HOUR - INSTANT) is not None
    assert rule(template(), known, KNOBS, NOW + HOUR) is None


def test_inside_a_window_meta_does_not_count_marketing_against_the_user() -> None:
    known = facts(user=CAPPED, template=PROMOTION, window_open=True)
    assert rule(template(), known, KNOBS, NOW) is None


@pytest.mark.parametrize("category", [TemplateCategory.UTILITY, TemplateCategory.AUTHENTICATION])
def test_who_rests_from_marketing_gets_everything_else(category: TemplateCategory) -> None:
    known = TemplateFacts(category, TemplateStatus.APPROVED)
    assert rule(template(), facts(user=CAPPED, template=known), KNOBS, NOW) is None
    assert rule(text(), facts(user=CAPPED), KNOBS, NOW) is None


def test_a_template_nobody_has_told_us_of_lets_who_rests_alone() -> None:
    assert rule(template(), facts(user=CAPPED, template=None), KNOBS, NOW) is not None


def test_only_the_user_can_lift_what_they_stopped_whatever_meta_says() -> None:
    both = UserFacts(marketing_stopped=True, capped_until=NOW + HOUR)
    objection = rule(template(), facts(user=both, template=PROMOTION), KNOBS, NOW)
    assert objection is not None
    assert (objection.code, objection.until) == (131050, None)
