"""Refuses what a number that is not in service would send.

Meta's rule
    Only a CONNECTED number is expected to send; a banned or blocked account may not send at all.
Source
    OAPI v23.0 (Nov 2025) and G-PHONE: the `status` of the phone-number node; ERR (18 Jun 2026):
    133010 "phone number not registered", 131031 "account has been locked". R§4.2, R§7.2.
What the gateway does
    Refuses every message while the number's status is one that cannot send. FLAGGED, RESTRICTED
    and states this version does not know are not refused here.
Refused as
    131031 when banned, 133010 otherwise; waiting does not help.
"""

from datetime import datetime
from typing import Final

from gateway.policy.facts import Facts
from gateway.policy.knobs import Knobs
from gateway.policy.verdict import Objection
from gateway.whatsapp.message import Message
from gateway.whatsapp.number import NumberStatus

OUT_OF_SERVICE: Final = frozenset(
    {
        NumberStatus.DISCONNECTED,
        NumberStatus.PENDING,
        NumberStatus.DELETED,
        NumberStatus.MIGRATED,
        NumberStatus.UNVERIFIED,
        NumberStatus.UNLINKED,
    }
)


def rule(_message: Message, facts: Facts, _knobs: Knobs, _now: datetime) -> Objection | None:
    """Object while the number cannot send."""
    status = facts.number.status
    if status is NumberStatus.CONNECTED:
        return None
    if status is NumberStatus.BANNED:
        return Objection("account", 131031, "Meta has banned this number; only an appeal helps.")
    if status in OUT_OF_SERVICE:
        details = f"The number's status is {status}; it has to be registered and CONNECTED to send."
        return Objection("account", 133010, details)
    return None
