"""Slows a number that starts far more than it usually does, or that is new, or that recovers.

Meta's rule
    Meta publishes no figure; it rates what looks like unusual activity, asks to grow gradually,
    and raises the limit of who uses half of it with high quality for 7 days.
Source
    LIM (11 Sep 2026), SEND (21 May 2026), POL (4 Nov 2025). R§2.2, R§4.1, R§11; the curve is ours.
What the gateway does
    Bounds the new users an hour and the business-initiated sends in 10 minutes by a multiple of
    the number's own fullest hour of the last 7 days, with a floor. A new number warms up, and one
    that was restricted or RED recovers, by so many new users a day. What is above is spread out
    evenly. Replies are never slowed.
Refused as
    130429, with the instant at which the next send fits.
"""

from datetime import datetime

from gateway.policy.facts import Facts
from gateway.policy.knobs import Knobs
from gateway.policy.paces import fits_at
from gateway.policy.verdict import Objection, hour
from gateway.whatsapp.message import Message
from gateway.whatsapp.recipient import RecipientKind


def rule(message: Message, facts: Facts, knobs: Knobs, now: datetime) -> Objection | None:
    """Object to a business-initiated send for which it is too early."""
    if facts.window_open or facts.activity is None or message.recipient.kind is RecipientKind.GROUP:
        return None
    new_user = not facts.user.counts(knobs, now)
    at, allowance = fits_at(facts.activity, now, new_user=new_user)
    if at <= now:
        return None
    phase = facts.activity.allowance.phase
    details = f"The number may start {allowance} ({phase}); the next fits at {hour(at)}."
    return Objection("activity", 130429, details, at)
