"""Tells whether the emulator could ever be what a benchmark of the gateway measures.

An emulator that observes and answers at once, and one gateway process in front of a sink,
interleaved in one run; then a week of a lived world of 1,000 people, with all their statuses.
Where wrk is missing both are loaded by plain sockets, see `sockets`.
"""

import sys
from contextlib import ExitStack
from typing import Final

from benchmarks import stage
from benchmarks.harness import print_sides
from benchmarks.lived_week import PEOPLE, live
from benchmarks.sockets import measure

BAR_RATIO: Final = 3.0
BAR_WEEK_S: Final = 10.0
CONNECTIONS: Final = 64


def run(rounds: int, seconds: float) -> None:
    """Measure both, side by side, then the week, and print the report."""
    with ExitStack() as stack:
        sides = (stage.gateway(stack, stage.sink(stack)), stage.emulator(stack))
        for load in sides:
            measure(load, CONNECTIONS, 2)  # warm
        many = [
            (measure(sides[0], CONNECTIONS, seconds), measure(sides[1], CONNECTIONS, seconds))
            for _ in range(rounds)
        ]
    if any(figures.failed for pair in many for figures in pair):
        sys.exit("not all requests were answered with 2xx: no comparison")
    print(f"emulator_speed: {CONNECTIONS} connections, {rounds} rounds interleaved")
    print(f"ratio {print_sides(('gateway', 'emulator'), many)} (bar {BAR_RATIO:.1f})")
    week = live()
    print(
        f"7 days of {PEOPLE:,} people: {week.seconds:.1f} s (bar {BAR_WEEK_S:.0f} s) for "
        f"{week.sends:,} sends and {week.updates:,} webhook updates"
    )
