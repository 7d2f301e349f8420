"""Writes down what the emulator saw: every send and every rule its sender broke."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

from gateway.emulator.clock import iso

Outcome = Literal["accepted", "refused"]


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a message: accepted if it has a wamid, else refused with `code`.

    `fails_with` is the code of the failed status that follows an acceptance.
    """

    at: float
    wamid: str | None = None
    code: int | None = None
    fails_with: int | None = None

    @property
    def outcome(self) -> Outcome:
        """Say it in one word."""
        return "refused" if self.wamid is None else "accepted"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One message that was sent to the emulator."""

    phone_number_id: str
    user: str
    type: str
    template: str | None
    text: str | None
    biz_opaque_callback_data: str | None
    ending: Ending

    @property
    def at(self) -> float:
        """When it was seen."""
        return self.ending.at

    def as_json(self) -> dict[str, Any]:
        """Give the steering interface's form."""
        ending = self.ending
        return {
            "at": iso(ending.at),
            "phone_number_id": self.phone_number_id,
            "user": self.user,
            "type": self.type,
            "template": self.template,
            "wamid": ending.wamid,
            "outcome": ending.outcome,
            "code": ending.code,
            "fails_with": ending.fails_with,
            "text": self.text,
            "biz_opaque_callback_data": self.biz_opaque_callback_data,
        }


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule of Meta's that one message broke."""

    at: float
    phone_number_id: str
    user: str
    rule: str
    code: int
    detail: str
    wamid: str | None

    def as_json(self) -> dict[str, Any]:
        """Give the steering interface's form."""
        return {
            "at": iso(self.at),
            "phone_number_id": self.phone_number_id,
            "user": self.user,
            "rule": self.rule,
            "code": self.code,
            "detail": self.detail,
            "wamid": self.wamid,
        }


class Journal:
    """The last `keep` sends and violations, in the order in which they were seen.

    `sends_seen` and `violations_seen` count all of them, also those no longer kept.
    """

    def __init__(self, keep: int) -> None:
        self.sends: deque[Sighting] = deque(maxlen=keep)
        self.violations: deque[Violation] = deque(maxlen=keep)
        self.sends_seen = 0
        self.violations_seen = 0

    def saw(self, sighting: Sighting) -> None:
        """Keep a send."""
        self.sends.append(sighting)
        self.sends_seen += 1

    def blame(self, violation: Violation) -> None:
        """Keep a violation."""
        self.violations.append(violation)
        self.violations_seen += 1

    def forget_sends(self) -> None:
        """Begin the list of sends anew."""
        self.sends.clear()
        self.sends_seen = 0

    def forget_violations(self) -> None:
        """Begin the list of violations anew."""
        self.violations.clear()
        self.violations_seen = 0
