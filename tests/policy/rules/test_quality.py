from datetime import timedelta
from typing import Any

import pytest

from gateway.policy.facts import TemplateFacts
from gateway.policy.rules.quality import rule
from gateway.whatsapp.message import Message
from gateway.whatsapp.number import QualityRating
from gateway.whatsapp.template import TemplateCategory, TemplateStatus
from tests.policy.making import KNOBS, NOW, facts, number, template, text

DAY = timedelta(days=1)
PROMOTION = TemplateFacts(TemplateCategory.MARKETING, TemplateStatus.APPROVED)
RED = number(quality_rating=QualityRating.RED)
FLAGGED = number(quality_rating=QualityRating.RED, flagged_until=NOW + 3 * DAY)


def test_a_flagged_number_sends_no_marketing_until_the_flag_ends() -> None:
    objection = rule(template(), facts(number=FLAGGED, template=PROMOTION), KNOBS, NOW)
    assert objection is not None
    assert (objection.rule, objection.code) == ("quality", 131048)
    assert objection.until == NOW + 3 * DAY
    assert "FLAGGED" in objection.details


def test_a_red_number_is_looked_at_again() -> None:
    objection = rule(template(), facts(number=RED, template=PROMOTION), KNOBS, NOW)
    assert objection is not None
    assert objection.until == NOW + KNOBS.quality_look
    assert "RED" in objection.details


def test_what_nobody_has_told_us_of_is_taken_for_marketing() -> None:
    assert rule(template(), facts(number=RED, template=None), KNOBS, NOW) is not None


@pytest.mark.parametrize(
    "rating", [QualityRating.GREEN, QualityRating.YELLOW, QualityRating.UNKNOWN]
)
def test_a_better_rating_is_no_reason(rating: QualityRating) -> None:
    rated = number(quality_rating=rating)
    assert rule(template(), facts(number=rated, template=PROMOTION), KNOBS, NOW) is None


def test_a_flag_that_has_ended_is_no_reason() -> None:
    unflagged = number(quality_rating=QualityRating.GREEN, flagged_until=NOW)
    assert rule(template(), facts(number=unflagged, template=PROMOTION), KNOBS, NOW) is None


@pytest.mark.parametrize(
    ("message", "changes"),
    [
        (text(), {}),
        (template(), {"window_open": True}),
        (
            template(),
            {"template": TemplateFacts(TemplateCategory.UTILITY, TemplateStatus.APPROVED)},
        ),
        (
            template(),
            {"template": TemplateFacts(TemplateCategory.AUTHENTICATION, TemplateStatus.APPROVED)},
        ),
    ],
    ids=["free-form", "in the window", "utility", "authentication"],
)
def test_everything_else_goes_on(message: Message, changes: dict[str, Any]) -> None:
    known = facts(**({"number": FLAGGED, "template": PROMOTION} | changes))
    assert rule(message, known, KNOBS, NOW) is None
