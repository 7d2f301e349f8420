"""Remembers how numbers, pools and templates have changed, for the report."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

from gateway.emulator.clock import iso

Kind = Literal[
    "quality_rating",
    "status",
    "messaging_limit",
    "throughput",
    "restriction",
    "template_status",
    "template_quality",
]
_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that became another; `subject` is the id of a number, pool, WABA or template."""

    at: float
    subject: str
    kind: Kind
    old: Any
    new: Any
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give the steering interface's form."""
        return {
            "at": iso(self.at),
            "subject": self.subject,
            "kind": self.kind,
            "old": self.old,
            "new": self.new,
            "reason": self.reason,
        }


class History:
    """The latest changes in the order in which they came about."""

    def __init__(self) -> None:
        self.changes: deque[Change] = deque(maxlen=_KEPT)

    def note(self, change: Change) -> None:
        """Keep a change, unless nothing changed."""
        if change.old != change.new:
            self.changes.append(change)

    def by_subject(self) -> dict[str, list[Change]]:
        """Sort all of it by whom it happened to."""
        found: dict[str, list[Change]] = {}
        for each in self.changes:
            found.setdefault(each.subject, []).append(each)
        return found

    def of(self, subject: str, kind: Kind | None = None) -> list[Change]:
        """List what happened to one subject, all of it or of one kind."""
        return [
            each for each in self.changes if each.subject == subject and kind in {None, each.kind}
        ]
