"""Offers the emulator to whoever embeds it: a world and a clock in, a web application out."""

from typing import Self

from aiohttp import web

from gateway.emulator import app
from gateway.emulator.clock import Clock, EmulatorClock
from gateway.emulator.knobs import Knobs
from gateway.emulator.schedule import Schedule
from gateway.emulator.state import Mode, State, build
from gateway.emulator.steering import staging
from gateway.emulator.steering.scenario import Scenario
from gateway.emulator.world import World

KEEP_SENDS = 200_000


class Emulator:
    """A local WhatsApp Cloud API.

    `mode` enforce refuses what breaks Meta's rules, observe accepts it; both write it down.
    `keep_sends` bounds each of the two logs. Two emulators with the same seed and the same clock
    choose alike.
    """

    def __init__(  # noqa: PLR0913 - the ways in which an emulator may be started
        self,
        world: World,
        *,
        clock: Clock | None = None,
        mode: Mode = "enforce",
        seed: int = 0,
        knobs: Knobs | None = None,
        keep_sends: int = KEEP_SENDS,
    ) -> None:
        scenario = Scenario(world=world, mode=mode, seed=seed, knobs=knobs or Knobs())
        self._begin(scenario, clock or EmulatorClock(), keep_sends)

    @classmethod
    def playing(
        cls, scenario: Scenario, *, clock: Clock | None = None, keep_sends: int = KEEP_SENDS
    ) -> Self:
        """Start with a scenario; without a clock of the owner it brings its own start and speed."""
        emulator = cls.__new__(cls)
        own = clock or EmulatorClock(scenario.start, scenario.speed)
        emulator._begin(scenario, own, keep_sends)  # noqa: SLF001 - a constructor of this class
        return emulator

    def _begin(self, scenario: Scenario, clock: Clock, keep_sends: int) -> None:
        self.clock: Clock = clock
        self.state: State = build(scenario, clock, keep_sends, Schedule())
        staging.begin(self.state)

    def application(self) -> web.Application:
        """Build the web application; call it once an emulator."""
        return app.application(self.state)

    def on_clock_advanced(self) -> None:
        """Do all that has become due; to be called by the owner of an injected clock."""
        self.state.now()
        self.state.sender.wake()

    async def tick(self) -> None:
        """Do all that has become due; the webhooks of it are queued when this returns."""
        self.on_clock_advanced()
