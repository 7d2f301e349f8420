import pytest

from gateway.policy.facts import TemplateFacts, UserFacts
from gateway.policy.rules.marketing_preference import rule
from gateway.whatsapp.message import Message
from gateway.whatsapp.template import TemplateCategory, TemplateStatus
from tests.policy.making import KNOBS, NOW, facts, template, text

STOPPED = UserFacts(marketing_stopped=True)


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
