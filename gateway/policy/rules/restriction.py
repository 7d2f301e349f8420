"""Refuses what a restriction in force covers; replies pass a RESTRICTED number.

Meta's rule
    A restriction names what may not be sent and when it ends. A number whose status is RESTRICTED
    has reached its messaging limit: no notifications for 24 hours, replies are still allowed.
Source
    W-ACC (21 May 2026) `account_update` ACCOUNT_RESTRICTION; POL (4 Nov 2025); help-centre copies
    until October 2025 for the status RESTRICTED (R§4.3, R§6.1, R§6.2).
What the gateway does
    Holds each restriction until its end and lets it go by itself. RESTRICTED stops every
    business-initiated message of that number. Of several, the one that ends last is told.
Refused as
    368, with the end of the restriction where one was announced.
"""

from datetime import datetime

from gateway.policy.facts import Facts, RestrictionFacts
from gateway.policy.knobs import Knobs
from gateway.policy.verdict import Objection, hour
from gateway.whatsapp.message import Message
from gateway.whatsapp.restriction import blocks


def rule(message: Message, facts: Facts, _knobs: Knobs, now: datetime) -> Objection | None:
    """Object while a restriction covers this kind of send."""
    for restriction in facts.restrictions:
        if restriction.until is None and _covers(restriction, message, facts):
            details = f"Meta restricts this account ({restriction.type}) without an announced end."
            return Objection("restriction", 368, details)
    ends = [
        (restriction.until, f"Meta restricts this account ({restriction.type})")
        for restriction in facts.restrictions
        if restriction.until and restriction.until > now and _covers(restriction, message, facts)
    ]
    restricted_until = facts.number.restricted_until
    if restricted_until and restricted_until > now and not facts.window_open:
        ends.append((restricted_until, "The number is RESTRICTED: replies only"))
    if not ends:
        return None
    until, reason = max(ends)
    return Objection("restriction", 368, f"{reason} until {hour(until)}.", until)


def _covers(restriction: RestrictionFacts, message: Message, facts: Facts) -> bool:
    return blocks(
        restriction.type,
        business_initiated=not facts.window_open,
        category=facts.template.category if facts.template else None,
        direct_send=message.direct_send_category is not None,
    )
