"""Refuses marketing to a user who told WhatsApp to stop it, or who has had enough of it.

Meta's rule
    A user may stop a business's marketing inside WhatsApp; sends are accepted and then fail with
    131050 until the user resumes. Marketing to one user by all businesses together is capped: over
    it a send fails with 131049, and trying again within 24 hours makes it worse.
Source
    W-PREF (2026) `user_preferences`; PUM (29 Apr 2026); ERR (18 Jun 2026) 131049, 131050. R§6.5.
What the gateway does
    Remembers stop and resume per number and user, from the webhook and from failed statuses, and
    refuses marketing templates meanwhile. After 131049 the user has a rest of 24 hours, twice as
    long each time in a row, at most 30 days. A template of unknown category is taken for marketing.
Refused as
    131050, which only the user can lift; 131049 with the end of the rest.
"""

from datetime import datetime

from gateway.policy.facts import Facts
from gateway.policy.knobs import Knobs
from gateway.policy.verdict import Objection, hour
from gateway.whatsapp.message import Message
from gateway.whatsapp.template import TemplateCategory


def rule(message: Message, facts: Facts, _knobs: Knobs, now: datetime) -> Objection | None:
    """Object to marketing for a user who stopped it, or whom Meta lets rest."""
    user = facts.user
    if message.template is None or not (user.marketing_stopped or user.capped_until):
        return None
    category = facts.template.category if facts.template else TemplateCategory.UNKNOWN
    if category not in (TemplateCategory.MARKETING, TemplateCategory.UNKNOWN):
        return None
    if user.marketing_stopped:
        details = "This user has stopped marketing messages from this number; only they can resume."
        return Objection("marketing_preference", 131050, details)
    # Inside a service window Meta does not count marketing against the user (PUM).
    if user.capped_until is None or user.capped_until <= now or facts.window_open:
        return None
    details = f"Meta lets this user rest from marketing; again at {hour(user.capped_until)}."
    return Objection("marketing_preference", 131049, details, user.capped_until)
