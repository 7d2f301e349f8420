"""Writes down what the emulator saw: every send and every rule its sender broke."""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from gateway.emulator.clock import iso

Outcome = Literal["accepted", "refused"]
Fate = Literal["accepted", "refused", "failed"]


class Ending(NamedTuple):
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


class Sighting(NamedTuple):
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


# These stand for the type of a Direct Send, and of a message that would be one but may not (R§1.8).
DIRECT, MISDIRECTED = "direct", "misdirected"
# The class of a message: number, type, category of its template, whether it is a reply, to a group,
# and its fate. The type of an interactive message is that of its interactive object.
Class = tuple[str, str, str | None, bool, bool, Fate]


class Journal:
    """The last `keep` sends and violations, in the order in which they were seen.

    `sends_seen` and `violations_seen` count all of them, also those no longer kept. For the report
    `judged` counts messages by their class, `unjudged` by number those that were refused before any
    rule was asked, and `broken` violations by rule; clearing the lists does not touch these.
    """

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self.sends: deque[Sighting] = deque(maxlen=keep)
        self.violations: deque[Violation] = deque(maxlen=keep)
        self.sends_seen = 0
        self.violations_seen = 0
        self.judged: dict[Class, int] = {}
        self.unjudged: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()

    def weighed(self, message: Class) -> None:
        """Count a message on which the rules were asked, in one step since it is done for all."""
        self.judged[message] = self.judged.get(message, 0) + 1

    def saw(self, sighting: Sighting) -> None:
        """Keep a send."""
        self.sends.append(sighting)
        self.sends_seen += 1

    def blame(self, violation: Violation) -> None:
        """Keep a violation."""
        self.violations.append(violation)
        self.violations_seen += 1
        self.broken[violation.rule] += 1

    def forget_sends(self) -> None:
        """Begin the list of sends anew."""
        self.sends.clear()
        self.sends_seen = 0

    def forget_violations(self) -> None:
        """Begin the list of violations anew."""
        self.violations.clear()
        self.violations_seen = 0
