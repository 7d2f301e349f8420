"""Says what one rule sees of one message, and what it may find."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from gateway.emulator.knobs import Knobs
from gateway.emulator.life.people import People
from gateway.emulator.messages import Send
from gateway.emulator.registry import Number, Registry, Template
from gateway.emulator.rules.calling import Calling
from gateway.emulator.rules.free_messages import EntryPoints, FreeTier
from gateway.emulator.rules.ledger import Ledger
from gateway.emulator.rules.rates import PairRate, Throughput
from gateway.emulator.rules.template_texts import Lesson
from gateway.emulator.rules.windows import ServiceWindows

Channel = Literal["sync", "async", "silent", "none"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule and how Meta would say so.

    `sync` is an error answer, `async` a failed status later, `silent` no status at all and `none`
    a rule that is switched off and only noted.
    """

    rule: str
    code: int
    detail: str
    channel: Channel = "sync"


@dataclass(slots=True)
class Memory:
    """What the rules remember from one message to the next."""

    ledger: Ledger = field(default_factory=Ledger)
    windows: ServiceWindows = field(default_factory=ServiceWindows)
    throughput: Throughput = field(default_factory=Throughput)
    pair_rate: PairRate = field(default_factory=PairRate)
    marketing_stopped: set[tuple[str, str]] = field(default_factory=set)
    lessons: dict[str, Lesson] = field(default_factory=dict)
    calling: Calling = field(default_factory=Calling)
    entry_points: EntryPoints = field(default_factory=EntryPoints)
    free_tier: FreeTier = field(default_factory=FreeTier)
    allow_lists: dict[str, set[str]] = field(default_factory=dict)
    threads_passed_on: set[tuple[str, str]] = field(default_factory=set)
    seed: int = 0
    judged: int = 0


class Case(NamedTuple):
    """One message with everything a rule may look at.

    `by_marketing_api` is one that came to `/marketing_messages`.
    """

    send: Send
    number: Number
    template: Template | None
    is_reply: bool
    now: float
    registry: Registry
    memory: Memory
    people: People
    knobs: Knobs
    by_marketing_api: bool = False

    @property
    def is_counted_kind(self) -> bool:
        """Whether the send uses the messaging limit: outside a window, to a person (R§2.1)."""
        return not self.is_reply and not self.send.to_group
