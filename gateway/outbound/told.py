"""Says what apps are told of a message: as an answer to their question, and as an event."""

from typing import Any, Final

from gateway.policy.lifecycle import MessageState
from gateway.policy.parcel import ParcelState
from gateway.store.fates import Fate
from gateway.whatsapp.error_codes import lookup

EVENTS: Final = {
    MessageState.ACCEPTED: "message.sent",
    MessageState.SENT: "message.sent",
    MessageState.DELIVERED: "message.sent",
    MessageState.READ: "message.sent",
    MessageState.REFUSED: "message.failed",
    MessageState.FAILED: "message.failed",
    MessageState.EXPIRED: "message.expired",
    MessageState.CANCELLED: "message.cancelled",
    MessageState.TURNED_AWAY: "message.turned_away",
    MessageState.UNKNOWN: "message.unknown",
}
"""The event by the state a message has come to; in the others nothing is final."""


FAILED: Final = frozenset(
    {
        MessageState.REFUSED,
        MessageState.FAILED,
        MessageState.TURNED_AWAY,
        MessageState.IN_DOUBT,
        MessageState.UNKNOWN,
    }
)


def event_of(fate: Fate) -> str | None:
    """Return the name of the event, None where the outcome is not final (any more)."""
    return EVENTS.get(fate.state)


def view(fate: Fate) -> dict[str, Any]:
    """Return what an app is told; what is not known is left out."""
    waits = fate.state is MessageState.PARKED
    told = {
        "id": fate.message_id.hex,
        "state": _state(fate),
        "phone_number_id": fate.phone_number_id,
        "wamid": fate.wamid,
        "rule": fate.waits_for if waits else fate.rule,
        "reason": fate.waits_because if waits else None,
        "expected_at": fate.due_at if waits else None,
        "expires_at": fate.expires_at if waits else None,
        "error": _error(fate) if fate.state in FAILED else None,
        "resend_of": fate.resend_of and fate.resend_of.hex,
        "resent_as": fate.resent_as and fate.resent_as.hex,
        "created_at": fate.created_at,
        "admitted_at": fate.decided_at,
        "answered_at": fate.answered_at,
        "sent_at": fate.sent_at,
        "delivered_at": fate.delivered_at,
        "read_at": fate.read_at,
        "failed_at": fate.failed_at,
    }
    return {name: value for name, value in told.items() if value is not None}


def _state(fate: Fate) -> str:
    if fate.state is MessageState.PARKED and fate.parcel_state == ParcelState.HELD:
        return ParcelState.HELD
    return "sending" if fate.state is MessageState.RESERVED else fate.state


def _error(fate: Fate) -> dict[str, Any] | None:
    if fate.code is None and fate.detail is None:
        return None
    title = None if fate.code is None else lookup(fate.code).title
    known = {"code": fate.code, "title": title, "details": fate.detail}
    return {name: value for name, value in known.items() if value is not None}
