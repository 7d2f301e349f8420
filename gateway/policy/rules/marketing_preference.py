"""Refuses marketing to a user who told WhatsApp to stop it.

Meta's rule
    A user may stop a business's marketing inside WhatsApp; sends are accepted and then fail with
    131050 until the user resumes.
Source
    W-PREF (2026) `user_preferences`; ERR (18 Jun 2026) 131050. R§6.5.
What the gateway does
    Remembers stop and resume per number and user, from the webhook and from failed statuses, and
    refuses marketing templates meanwhile. A template of unknown category is taken for marketing.
Refused as
    131050; only the user can lift it.
"""

from datetime import datetime

from gateway.policy.facts import Facts
from gateway.policy.knobs import Knobs
from gateway.policy.verdict import Objection
from gateway.whatsapp.message import Message
from gateway.whatsapp.template import TemplateCategory


def rule(message: Message, facts: Facts, _knobs: Knobs, _now: datetime) -> Objection | None:
    """Object to marketing for a user who stopped it."""
    if message.template is None or not facts.user.marketing_stopped:
        return None
    category = facts.template.category if facts.template else TemplateCategory.UNKNOWN
    if category not in (TemplateCategory.MARKETING, TemplateCategory.UNKNOWN):
        return None
    details = "This user has stopped marketing messages from this number; only they can resume."
    return Objection("marketing_preference", 131050, details)
