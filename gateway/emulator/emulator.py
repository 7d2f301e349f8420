"""Offers the emulator to whoever embeds it: a world and a clock in, a web application out."""

from aiohttp import web

from gateway.emulator import app
from gateway.emulator.clock import Clock, EmulatorClock
from gateway.emulator.knobs import Knobs
from gateway.emulator.state import Mode, Options, State, build
from gateway.emulator.world import World


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
        keep_sends: int = 200_000,
    ) -> None:
        self.clock: Clock = clock or EmulatorClock()
        options = Options(mode=mode, seed=seed, keep_sends=keep_sends)
        self.state: State = build(world, self.clock, knobs or Knobs(), options)

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
