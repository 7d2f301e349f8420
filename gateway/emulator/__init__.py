"""A local WhatsApp Cloud API, written from Meta's rules a second time.

It shares nothing with the rest of the gateway: two readings of the same rules that agree are the
strongest test there is. `Emulator(World(...)).application()` is an aiohttp application; `serve`
and `running` listen with it.
"""

from gateway.emulator.clock import Clock, EmulatorClock
from gateway.emulator.emulator import Emulator
from gateway.emulator.knobs import Knobs
from gateway.emulator.serve import running, serve
from gateway.emulator.world import Number, Portfolio, Template, Token, World

__all__ = [
    "Clock",
    "Emulator",
    "EmulatorClock",
    "Knobs",
    "Number",
    "Portfolio",
    "Template",
    "Token",
    "World",
    "running",
    "serve",
]
