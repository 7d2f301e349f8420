"""Stops what a number starts after Meta has limited it for blocks and reports.

Meta's rule
    131048: too many earlier messages were blocked or flagged, sends are restricted for a while.
    How long is not published.
Source
    ERR (18 Jun 2026) 131048; R§7.3, R§2.4.
What the gateway does
    After 131048 it starts no conversation for 1 hour, then lets one message through as a probe.
    If Meta says 131048 again it waits 4 hours, then 24; once a probe is delivered the number
    climbs back as after a restriction. `sent` proves nothing: `failed` may follow. Replies go on.
Refused as
    131048, with the instant of the next probe.
"""

from datetime import datetime

from gateway.policy.facts import Facts
from gateway.policy.knobs import Knobs
from gateway.policy.verdict import Objection, hour
from gateway.whatsapp.message import Message


def rule(_message: Message, facts: Facts, _knobs: Knobs, now: datetime) -> Objection | None:
    """Object to what would start a conversation while Meta limits the number for spam."""
    until = facts.number.spam_until
    if until is None or facts.window_open or until <= now:
        return None
    details = f"Meta limits this number for blocks and reports; a probe may go at {hour(until)}."
    return Objection("spam_limit", 131048, details, until)
