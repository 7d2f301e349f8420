"""Stops marketing from a number that people complain about, until its rating recovers.

Meta's rule
    A number is rated by the blocks and reports of the last 7 days. RED makes it FLAGGED, with a
    lower limit after 7 days (until October 2025); since then it keeps the limit from growing and
    leads to 131048. Who goes on is restricted, at last disabled.
Source
    SEND (23 Apr 2026), LIM (8 May 2026), POL (4 Nov 2025); help-centre copies for FLAGGED. R§4.1,
    R§4.3, R§6.1. To stop suspicious templates is Meta's own advice (R§11).
What the gateway does
    While the number is RED or FLAGGED, holds back the marketing templates that would start a
    conversation; one of unknown category is taken for marketing. Everything else goes on.
Refused as
    131048, until the flag ends; without a flag, until the rating will have been read again.
"""

from datetime import datetime

from gateway.policy.facts import Facts
from gateway.policy.knobs import Knobs
from gateway.policy.verdict import Objection, hour
from gateway.whatsapp.message import Message
from gateway.whatsapp.number import QualityRating
from gateway.whatsapp.template import TemplateCategory


def rule(message: Message, facts: Facts, knobs: Knobs, now: datetime) -> Objection | None:
    """Object to marketing outside the service window while quality is at its lowest."""
    number = facts.number
    is_flagged = number.flagged_until is not None and number.flagged_until > now
    if not is_flagged and number.quality_rating is not QualityRating.RED:
        return None
    if message.template is None or facts.window_open:
        return None
    category = facts.template.category if facts.template else TemplateCategory.UNKNOWN
    if category not in (TemplateCategory.MARKETING, TemplateCategory.UNKNOWN):
        return None
    if is_flagged and number.flagged_until is not None:
        state, until = "FLAGGED", number.flagged_until
    else:
        state, until = "rated RED", now + knobs.quality_look
    details = f"The number is {state}: no marketing before {hour(until)}, so that it can recover."
    return Objection("quality", 131048, details, until)
