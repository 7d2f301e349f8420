"""A load generator for machines without wrk that costs less than what it measures.

Plain sockets and requests written beforehand: the generator that `harness` falls back on costs more
than an answer of the emulator, or than parking a message, and would be what is measured.
"""

import asyncio
import itertools
import shutil
import statistics
import time
from collections.abc import Iterator
from functools import partial
from typing import Final, cast
from urllib.parse import urlsplit

import uvloop

from benchmarks import harness
from benchmarks.harness import Figures, Load

_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_SUCCESS: Final = b"HTTP/1.1 2"
_USER: Final = b"346%07d%05d"


def measure(load: Load, connections: int, seconds: float) -> Figures:
    """Load with wrk where it is installed, else by plain sockets."""
    if shutil.which("wrk") is not None:
        return harness.measure(load, connections, seconds)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load_by_sockets(load, connections, seconds))


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
    length = len(load.body.replace("%s", (_USER % (start, 0)).decode()))
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
