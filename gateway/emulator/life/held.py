"""Remembers which messages wait until Meta has made up its mind about a template or portfolio."""

from dataclasses import dataclass, field

from gateway.emulator.rules.case import Case, Finding
from gateway.emulator.webhooks.updates import Sent


@dataclass(frozen=True, slots=True)
class Held:
    """A message that was accepted but has not left; `fate` is why it would fail anyway."""

    case: Case
    sent: Sent
    fate: Finding | None


@dataclass(slots=True)
class Campaign:
    """The messages of one template, or of one portfolio, that are being assessed together.

    `seen` counts all of them, `gone` those that left since the instant `since`.
    """

    since: float
    seen: int = 0
    gone: int = 0
    held: list[Held] = field(default_factory=list)
    is_over: bool = False


@dataclass(slots=True)
class Assessments:
    """The campaigns by template id and by portfolio, and when a WABA's utility last was paused."""

    templates: dict[str, Campaign] = field(default_factory=dict)
    portfolios: dict[str, Campaign] = field(default_factory=dict)
    utility_paused_at: dict[str, float] = field(default_factory=dict)
