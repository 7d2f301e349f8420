"""Says what a decision looks like: admit, defer or reject, and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Decision(StrEnum):
    """What becomes of a message."""

    ADMIT = "admit"
    DEFER = "defer"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Objection:
    """One rule's no.

    `code` is Meta's error code for the answer, `details` one sentence for a person, `until` the
    instant from which this rule expects to say yes, or None where waiting does not help.
    """

    rule: str
    code: int
    details: str
    until: datetime | None = None


class Verdict(NamedTuple):
    """The decision on one message with every objection raised.

    `decisive` is the objection the sender is told (None when admitted), `shadowed` are those of
    rules that only count. `needs_slot` tells that the send takes a slot of the messaging limit
    that the user does not hold yet; `business_initiated` that it renews the user's slot. `send_at`
    is the instant an admitted message was given because it may wait for it, None for at once.
    """

    decision: Decision
    decisive: Objection | None
    objections: tuple[Objection, ...]
    shadowed: tuple[Objection, ...]
    business_initiated: bool
    send_at: datetime | None = None

    @property
    def retry_at(self) -> datetime | None:
        """When a yes is expected, if one is."""
        return self.decisive.until if self.decisive else None


def hour(instant: datetime) -> str:
    """Write an instant for a sentence, for example `2026-11-23 10:00:05 UTC`."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
