"""Holds the whole life of a message as one table; nothing elsewhere decides on a change of state.

A message that may wait is `parked` in the outbox until it is decided on; there it may expire or be
cancelled. One that is admitted is `reserved` in the same transaction that takes its slot, and
only then leaves. Meta's answer makes it `accepted` or `refused`; no answer makes it `in_doubt`.
Statuses move it on to `sent`, `delivered`, `read` or `failed`. Webhooks come twice, late and in
any order, so a state only ever gives way to one of a higher rank: a `failed` that comes after
`delivered` is ignored, a `delivered` that comes after `failed` is believed (R§7.9 rule 5).
"""

from enum import StrEnum
from typing import Final


class MessageState(StrEnum):
    """Where a message is."""

    TURNED_AWAY = "turned_away"  # deferred or rejected here; never left
    PARKED = "parked"  # waits in the outbox
    EXPIRED = "expired"  # was parked until it was of no use any more; never left
    CANCELLED = "cancelled"  # was parked, and an operator or its app thought better of it
    RESERVED = "reserved"
    IN_DOUBT = "in_doubt"
    UNKNOWN = "unknown"  # in doubt for so long that it was given up; a status may still tell
    ACCEPTED = "accepted"
    REFUSED = "refused"
    SENT = "sent"
    FAILED = "failed"
    DELIVERED = "delivered"
    READ = "read"


RANK: Final = {
    MessageState.TURNED_AWAY: 0,
    MessageState.PARKED: 0,
    MessageState.EXPIRED: 0,
    MessageState.CANCELLED: 0,
    MessageState.RESERVED: 0,
    MessageState.IN_DOUBT: 1,
    MessageState.UNKNOWN: 2,
    MessageState.REFUSED: 3,
    MessageState.ACCEPTED: 3,
    MessageState.SENT: 4,
    MessageState.FAILED: 5,
    MessageState.DELIVERED: 6,
    MessageState.READ: 7,
}


class Hold(StrEnum):
    """What a message does to the ledger."""

    RESERVED = "reserved"
    SETTLED = "settled"
    RELEASED = "released"


HOLD: Final = {
    MessageState.REFUSED: Hold.RELEASED,
    MessageState.FAILED: Hold.RELEASED,
    MessageState.DELIVERED: Hold.SETTLED,
    MessageState.READ: Hold.SETTLED,
}
"""What arriving in a state does to a slot held; the other states leave it as it is."""


def moves(current: MessageState, to: MessageState) -> bool:
    """Tell whether a message in `current` moves on to `to`."""
    return RANK[to] > RANK[current]
