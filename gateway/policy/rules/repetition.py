"""Refuses the same content to the same user again and again, and the same text to a crowd.

Meta's rule
    Repeated and unexpected messages are what users block and report; 131048 follows from that.
Source
    SEND (21 May 2026), OPTIN (late 2025), ERR (18 Jun 2026) 131048. R§4.1, R§11; the figures are
    ours.
What the gateway does
    Keeps a hash of what went to each user lately (never the content) and lets the same go only so
    often in a window. The same free-form text goes only to so many users of a pool an hour; for
    more there are templates.
Refused as
    131048, with the end of the window or hour.
"""

from datetime import datetime, timedelta

from gateway.policy.facts import Facts
from gateway.policy.knobs import Knobs
from gateway.policy.verdict import Objection, hour
from gateway.whatsapp.message import Message


def rule(message: Message, facts: Facts, knobs: Knobs, now: datetime) -> Objection | None:
    """Object to what has been said often enough."""
    for said in facts.user.recent:
        until = said.since + knobs.repetition_window
        if said.content != message.content or until <= now:
            continue
        if said.times < knobs.repetition_times:
            return None  # this user is one of those who got it
        details = (
            f"This user was sent the same {said.times} times since {hour(said.since)}; "
            f"again at {hour(until)}."
        )
        return Objection("repetition", 131048, details, until)
    if message.template is None and facts.spread >= knobs.repetition_users_hour:
        until = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        details = f"The same text went to {facts.spread} users this hour; again at {hour(until)}."
        return Objection("repetition", 131048, details, until)
    return None
