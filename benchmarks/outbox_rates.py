"""Tells how fast the outbox takes messages in and lets them go, beside the direct path.

One gateway process, one upstream, interleaved in one run: templates to ever new users that are sent
at once; the same, parked durably until an hour soon to come (202); and how they leave at that hour,
through line, desk and wire as all others do. Nobody loads the gateway while it releases.
"""

import sys
from contextlib import ExitStack
from typing import Final

from benchmarks import stage
from benchmarks.harness import median
from benchmarks.parked import Upstream, park_and_release
from benchmarks.sockets import measure

BAR_RELEASE: Final = 0.80
CONNECTIONS: Final = 64


def run(rounds: int, seconds: float) -> None:
    """Measure all three in turn, and print the report."""
    with ExitStack() as stack:
        url = stage.sink(stack)
        load, upstream = stage.gateway(stack, url), Upstream(url)
        measure(load, CONNECTIONS, 2)  # warm
        park_and_release(load, upstream, CONNECTIONS, 1)
        direct, parked, released = [], [], []
        for _ in range(rounds):
            figures = measure(load, CONNECTIONS, seconds)
            if figures.failed:
                sys.exit(f"{figures.failed} requests were not answered with 2xx: no comparison")
            direct.append(figures.per_second)
            found = park_and_release(load, upstream, CONNECTIONS, seconds)
            parked.append(found.parked.per_second)
            released.append(found.released_per_second)
    print(f"outbox_rates: {CONNECTIONS} connections, {rounds} rounds interleaved")
    print(f"{'':12}{'messages/s':>12}{'of direct':>12}")
    print(f"{'direct':12}{median(direct):12.0f}")
    print(f"{'parked':12}{median(parked):12.0f}{_ratio(parked, direct)}")
    print(f"{'released':12}{median(released):12.0f}{_ratio(released, direct)}", end="")
    print(f", bar {BAR_RELEASE:.2f}")


def _ratio(rates: list[float], direct: list[float]) -> str:
    ratios = [rate / base for rate, base in zip(rates, direct, strict=True)]
    shown = " ".join(f"{ratio:.2f}" for ratio in ratios)
    return f"{median(ratios):12.2f} (rounds {shown})"
