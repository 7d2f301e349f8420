"""Holds together everything one running emulator remembers."""

import asyncio
import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from gateway.emulator.clock import Clock
from gateway.emulator.errors import Refusal, error_body
from gateway.emulator.graph.faults import Faults
from gateway.emulator.graph.media import MediaStore
from gateway.emulator.history import History
from gateway.emulator.journal import Journal
from gateway.emulator.knobs import Knobs
from gateway.emulator.life.lived import Lived
from gateway.emulator.life.people import People
from gateway.emulator.registry import Registry
from gateway.emulator.rules.judge import Memory
from gateway.emulator.schedule import Schedule
from gateway.emulator.webhooks.sender import WebhookSender
from gateway.emulator.world import World

Mode = Literal["enforce", "observe"]


@dataclass(slots=True)
class State:
    """One emulator's memory; `mode` observe accepts what it would refuse in enforce."""

    world: World
    clock: Clock
    mode: Mode
    knobs: Knobs
    registry: Registry
    journal: Journal
    faults: Faults
    sender: WebhookSender
    ids: random.Random
    people: People
    seed: int
    lived: Lived = field(default_factory=Lived)
    history: History = field(default_factory=History)
    memory: Memory = field(default_factory=Memory)
    schedule: Schedule = field(default_factory=Schedule)
    media: MediaStore = field(default_factory=MediaStore)
    inbound_wamids: set[str] = field(default_factory=set)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> float:
        """Read the clock, in seconds since 1970, after doing all that has become due."""
        now = self.clock.now().timestamp()
        self.schedule.run_due(now)
        return now

    def new_wamid(self, now: float) -> str:
        """Make a message id: seeded, and with the hour in it so that restarts repeat none."""
        micros = int(now * 1_000_000)
        raw = micros.to_bytes(8, "big") + self.ids.randbytes(16)
        return f"wamid.HBg{base64.b64encode(raw).decode()}"

    def new_numeric_id(self) -> str:
        """Make the id of a new node."""
        return str(self.ids.randrange(10**15, 9 * 10**15))

    def new_trace_id(self) -> str:
        """Make an `fbtrace_id`."""
        return base64.urlsafe_b64encode(self.ids.randbytes(16)).decode().rstrip("=")

    def refusal_body(self, refusal: Refusal) -> bytes:
        """Write a refusal with a trace id of its own."""
        return error_body(refusal, self.new_trace_id())


@dataclass(frozen=True, slots=True)
class Options:
    """How an emulator is started; `keep_sends` bounds both logs."""

    mode: Mode = "enforce"
    seed: int = 0
    keep_sends: int = 200_000


def build(world: World, clock: Clock, knobs: Knobs, options: Options) -> State:
    """Put a fresh emulator's memory together."""

    def seeded(purpose: str) -> random.Random:
        return random.Random(f"{options.seed}:{purpose}")  # noqa: S311 - repeatable on purpose

    now: Callable[[], float] = lambda: clock.now().timestamp()  # noqa: E731 - a bound reading
    sender = WebhookSender(world.app_secret, knobs, now, seeded("webhooks"))
    sender.url = world.webhook_url
    return State(
        world=world,
        clock=clock,
        mode=options.mode,
        knobs=knobs,
        registry=Registry(world),
        journal=Journal(options.keep_sends),
        faults=Faults(seeded("faults")),
        sender=sender,
        ids=seeded("ids"),
        people=People(world.users, world.population),
        seed=options.seed,
    )
