"""Holds together everything one running emulator remembers."""

import asyncio
import base64
import binascii
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from gateway.emulator.clock import Clock, EmulatorClock
from gateway.emulator.errors import Refusal, error_body
from gateway.emulator.graph.faults import Faults
from gateway.emulator.graph.media import MediaStore
from gateway.emulator.graph.template_quota import TemplateQuota
from gateway.emulator.graph.usage import Usage
from gateway.emulator.history import History
from gateway.emulator.journal import Journal
from gateway.emulator.knobs import Knobs
from gateway.emulator.life.held import Assessments
from gateway.emulator.life.lived import Lived
from gateway.emulator.life.people import People
from gateway.emulator.registry import Number, Registry
from gateway.emulator.rules.case import Memory
from gateway.emulator.schedule import Schedule
from gateway.emulator.steering.scenario import Scenario
from gateway.emulator.webhooks.sender import WebhookSender
from gateway.emulator.webhooks.updates import Sent
from gateway.emulator.world import World

Mode = Literal["enforce", "observe"]
Listener = Callable[[Number, Sent, float], None]


@dataclass(slots=True)
class State:
    """One emulator's memory; `mode` observe accepts what it would refuse in enforce.

    It began with `scenario`, at `started_at`; `failed_events` are those of its events, by their
    place, that had become impossible, each with the reason. `inbound_wamids` are users' messages
    with their type and instant. Every one of `on_delivered` is called when a message reaches a
    person; `undelivered` is what waits for those who are offline.
    """

    scenario: Scenario
    started_at: float
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
    schedule: Schedule
    lived: Lived = field(default_factory=Lived)
    pacing: Assessments = field(default_factory=Assessments)
    template_quota: TemplateQuota = field(default_factory=TemplateQuota)
    history: History = field(default_factory=History)
    failed_events: dict[int, str] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    media: MediaStore = field(default_factory=MediaStore)
    usage: Usage = field(default_factory=Usage)
    answered: int = 0
    inbound_wamids: dict[str, tuple[str, float]] = field(default_factory=dict)
    on_delivered: list[Listener] = field(default_factory=list)
    undelivered: dict[str, list[Callable[[float], None]]] = field(default_factory=dict)
    throttle_told_at: dict[str, float] = field(default_factory=dict)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> float:
        """Read the clock, in seconds since 1970, after doing all that has become due.

        Within a deed of the schedule it is the hour of that deed.
        """
        if self.schedule.hour is not None:
            return self.schedule.hour
        now = self.clock.now().timestamp()
        self.schedule.run_due(now)
        return now

    def speed(self) -> float:
        """How many seconds of the clock one real second lasts, as far as one can know."""
        return self.clock.speed if isinstance(self.clock, EmulatorClock) else 1.0

    def new_wamid(self, now: float) -> str:
        """Make a message id: seeded, and with the hour in it so that restarts repeat none."""
        micros = int(now * 1_000_000)
        raw = micros.to_bytes(8, "big") + self.ids.randbytes(16)
        return f"wamid.HBg{binascii.b2a_base64(raw, newline=False).decode()}"

    def new_numeric_id(self) -> str:
        """Make the id of a new node."""
        return str(self.ids.randrange(10**15, 9 * 10**15))

    def new_trace_id(self) -> str:
        """Make an `fbtrace_id`."""
        return base64.urlsafe_b64encode(self.ids.randbytes(16)).decode().rstrip("=")

    def status_of(self, refusal: Refusal) -> int:
        """Choose the HTTP status of a refusal, which for throttles is a knob."""
        return refusal.status_when(self.knobs.throttle_http_status)

    def refusal_body(self, refusal: Refusal) -> bytes:
        """Write a refusal with a trace id of its own."""
        return error_body(refusal, self.new_trace_id())


def _start(scenario: Scenario, clock: Clock) -> float:
    """Say when a scenario began; the emulator's own clock has moved on by a hair since."""
    own = isinstance(clock, EmulatorClock) and scenario.start is not None
    start = scenario.start if own and scenario.start else clock.now()
    return start.timestamp()


def build(scenario: Scenario, clock: Clock, keep_sends: int, schedule: Schedule) -> State:
    """Put a fresh emulator's memory together; `keep_sends` bounds both logs."""

    def seeded(purpose: str) -> random.Random:
        return random.Random(f"{scenario.seed}:{purpose}")  # noqa: S311 - repeatable on purpose

    def now() -> float:
        return clock.now().timestamp() if schedule.hour is None else schedule.hour

    world, knobs = scenario.world, scenario.knobs.model_copy()
    sender = WebhookSender(world.app_secret, knobs, now, seeded("webhooks"))
    sender.url = world.webhook_url
    schedule.between = sender.seal
    return State(
        scenario=scenario,
        started_at=_start(scenario, clock),
        world=world,
        clock=clock,
        mode=scenario.mode,
        knobs=knobs,
        registry=Registry(world),
        journal=Journal(keep_sends),
        faults=Faults(seeded("faults"), now),
        sender=sender,
        ids=seeded("ids"),
        people=People(world.users, world.population),
        seed=scenario.seed,
        schedule=schedule,
        memory=Memory(seed=scenario.seed),
        media=MediaStore(scenario.seed),
    )
