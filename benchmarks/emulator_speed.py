"""Tells whether the emulator could ever be what a benchmark of the gateway measures.

An emulator that observes and answers at once, and one gateway process in front of a sink,
interleaved in one run; then a week of a lived world of 1,000 people, with all their statuses.
Where wrk is missing both are loaded by plain sockets: the generator that `harness` falls back on
costs more than an answer of the emulator, and would be what is measured.
"""

import asyncio
import itertools
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Final, cast
from urllib.parse import urlsplit

import uvloop

from benchmarks import stage
from benchmarks.harness import Figures, Load, measure, print_sides
from benchmarks.lived_week import PEOPLE, live

BAR_RATIO: Final = 3.0
BAR_WEEK_S: Final = 10.0
CONNECTIONS: Final = 64
_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_SUCCESS: Final = b"HTTP/1.1 200 "
_USER: Final = b"346%07d%05d"


def run(rounds: int, seconds: float) -> None:
    """Measure both, side by side, then the week, and print the report."""
    with ExitStack() as stack:
        sides = (stage.gateway(stack, stage.sink(stack)), stage.emulator(stack))
        for load in sides:
            _figures(load, 2)  # warm
        many = [(_figures(sides[0], seconds), _figures(sides[1], seconds)) for _ in range(rounds)]
    if any(figures.failed for pair in many for figures in pair):
        sys.exit("not all requests were answered with 200: no comparison")
    print(f"emulator_speed: {CONNECTIONS} connections, {rounds} rounds interleaved")
    print(f"ratio {print_sides(('gateway', 'emulator'), many)} (bar {BAR_RATIO:.1f})")
    week = live()
    print(
        f"7 days of {PEOPLE:,} people: {week.seconds:.1f} s (bar {BAR_WEEK_S:.0f} s) for "
        f"{week.sends:,} sends and {week.updates:,} webhook updates"
    )


def _figures(load: Load, seconds: float) -> Figures:
    if shutil.which("wrk") is not None:
        return measure(load, CONNECTIONS, seconds)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load_by_sockets(load, CONNECTIONS, seconds))


async def load_by_sockets(load: Load, connections: int, seconds: float) -> Figures:
    """Keep some connections busy, each with one request at a time."""
    address = urlsplit(load.url)
    host, port = str(address.hostname), address.port or 80
    line = partial(_Line, _requests(load), time.perf_counter() + seconds)
    dial = asyncio.get_running_loop().create_connection
    lines = [(await dial(line, host, port))[1] for _ in range(connections)]
    await asyncio.gather(*(each.over for each in lines))
    took = [seconds_of_one for each in lines for seconds_of_one in each.took]
    cuts = statistics.quantiles(took, n=100)
    failed = sum(each.failed for each in lines)
    return Figures(len(took) / seconds, cuts[49] * 1000, cuts[98] * 1000, failed)


def _requests(load: Load) -> Iterator[bytes]:
    """Write requests, the recipient of each its own, the paths in turn."""
    start = time.time_ns() // 1_000_000 % 10**7
    length = len(load.body) - len("%s") + len(_USER % (start, 0))
    headers = {"Host": "localhost", **load.headers, "Content-Length": str(length)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    whole = [f"POST {path} HTTP/1.1\r\n{lines}\r\n{load.body}".encode() for path in load.paths]
    for number in itertools.count():
        yield whole[number % len(whole)].replace(b"%s", _USER % (start, number % 100_000))


class _Line(asyncio.Protocol):
    """One connection, which sends the next request when the last one has been answered."""

    def __init__(self, requests: Iterator[bytes], ends_at: float) -> None:
        self.took: list[float] = []
        self.failed = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._ends_at = ends_at
        self._began: float | None = None
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data
        end = received.find(_END)
        if end < 0 or self._began is None:
            return
        length = received[:end].lower().partition(_LENGTH)[2].partition(b"\r\n")[0]
        if len(received) < end + len(_END) + int(length):
            return
        self.failed += not received.startswith(_SUCCESS)
        self.took.append(time.perf_counter() - self._began)
        self._began, self._received = None, b""
        if time.perf_counter() < self._ends_at:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Note a request that was never answered."""
        self.failed += self._began is not None
        self.over.set_result(None)
