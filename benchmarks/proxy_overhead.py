"""Tells how much slower the gateway, durable and exact, is than a pass-through that does nothing.

One gateway process and a bare aiohttp pass-through of 20 lines, the same upstream, interleaved in
one run; templates to ever new users over four numbers of one unlimited portfolio.
"""

from contextlib import ExitStack
from typing import Final

from benchmarks import stage
from benchmarks.harness import interleaved, measure, median, print_sides

BAR_RATIO: Final = 0.80
BAR_ADDED_MS: Final = 2.0
CONNECTIONS: Final = 64


def run(rounds: int, seconds: float) -> None:
    """Measure both, side by side, and print the report."""
    with ExitStack() as stack:
        upstream = stage.sink(stack)
        sides = (stage.bare_proxy(stack, upstream), stage.gateway(stack, upstream))
        for load in sides:
            measure(load, CONNECTIONS, 2)  # warm
        many = interleaved(sides, CONNECTIONS, rounds, seconds)
        single = interleaved(sides, 1, max(rounds // 2, 1), seconds)
    print(f"proxy_overhead: {CONNECTIONS} connections, {rounds} rounds interleaved")
    ratio = print_sides(("bare", "gateway"), many)
    print(f"ratio {ratio} (bar {BAR_RATIO:.2f})")
    added = median([gateway.median_ms - bare.median_ms for bare, gateway in single])
    print(f"one connection: {added:.2f} ms added at the median (bar {BAR_ADDED_MS:.1f} ms)")
