"""Refuses free-form messages outside an open service window.

Meta's rule
    A window of 24 hours opens with each message or call of the user. Inside it everything may be
    sent, outside it only templates (and Direct Send).
Source
    SEND (21 May 2026), DIRECT (2026), ERR (18 Jun 2026) 131047. R§3, R§1.8.
What the gateway does
    Counts from the timestamp of the user's message, not from its arrival, and closes the window a
    minute early.
Refused as
    131047; a template can be sent instead, or the user has to write.
"""

from datetime import datetime

from gateway.policy.facts import Facts
from gateway.policy.knobs import Knobs
from gateway.policy.verdict import Objection, hour
from gateway.whatsapp.message import Message


def rule(message: Message, facts: Facts, knobs: Knobs, _now: datetime) -> Objection | None:
    """Object to a free-form message when the window is shut."""
    if message.template or facts.window_open or message.direct_send_category is not None:
        return None
    opened = facts.user.last_inbound_at
    shut = f"shut at {hour(opened + knobs.service_window)}" if opened else "has not been open"
    details = f"The service window with this user {shut}; send a template or wait for them."
    return Objection("service_window", 131047, details)
