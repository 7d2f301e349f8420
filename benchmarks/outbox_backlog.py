"""Tells whether a million messages that wait slow down those that may go, or cost memory.

Three gateways, each with a database of its own, one upstream, interleaved: an outbox that is empty,
one in whose groups a million are due later, and one with a million that are due but held back by a
full messaging limit. Each round parks replies to users who have written, of the same numbers and
app, and times how they leave when their hour comes. Then the limit rises a little: a million want
to go, a few may; what is decided in vain is counted. At last it falls away: the rate must not fall
while dead entries gather in the indexes.
"""

import asyncio
import json
import re
import subprocess
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from benchmarks import stage, stock
from benchmarks.harness import Load, median
from benchmarks.parked import Upstream, park_and_release, wait_for
from benchmarks.stock import Waiting
from gateway.policy.send_class import SendClass

BAR_RATIO: Final = 0.80
BAR_MEMORY: Final = 1.10
MILLION: Final = 1_000_000
CONNECTIONS: Final = 64
LIMIT: Final = 100_000
"""So high that a number may start what a rise leaves room for at once."""
COUNTED: Final = 95_000
RISEN: Final = 102_000
ROOM: Final = 1_900
"""What 95 % of the limit as it has risen leave."""
DRAINED: Final = 100_000
STEP: Final = 20_000
TEXT: Final = json.dumps(
    {
        "messaging_product": "whatsapp",
        "to": "+%s",
        "type": "text",
        "text": {"body": "Your order %s is on its way, and will be with you by noon."},
    }
)


@dataclass(frozen=True, slots=True)
class Side:
    """A gateway with its outbox, what to load it with, and the rates of its rounds."""

    name: str
    served: stage.Served
    load: Load
    rates: list[float]

    def memory(self) -> float:
        """Return the MiB of the process."""
        command = ["ps", "-o", "rss=", "-p", str(self.served.process_id)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        return int(done.stdout) / 1024

    def decisions(self) -> int:
        """Return how often its desk has decided."""
        with urllib.request.urlopen(f"{self.served.admin_url}/metrics") as answer:  # noqa: S310
            text = answer.read().decode()
        found = re.findall(r"^gateway_decisions_total{.*} (\S+)$", text, re.MULTILINE)
        return sum(round(float(count)) for count in found)

    def limit(self, users: int | None) -> None:
        """Set the messaging limit as an operator does."""
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.served.admin_url}/admin/v1/pools/{stage.PORTFOLIO}",
            json.dumps({"messaging_limit": users}).encode(),
            {"Authorization": f"Bearer {stage.ADMIN_KEY}", "Content-Type": "application/json"},
            method="PATCH",
        )
        urllib.request.urlopen(request).close()  # noqa: S310


def run(rounds: int, seconds: float) -> None:
    """Measure all three in turn, then what happens when the limit rises, and print the report."""
    with ExitStack() as stack:
        url = stage.sink(stack)
        upstream = Upstream(url)
        sides = [
            _side(stack, url, "empty", None),
            _side(stack, url, "due later", Waiting(MILLION, SendClass.REPLY, timedelta(hours=3))),
            _side(stack, url, "held back", Waiting(MILLION, SendClass.OTHER, timedelta(0))),
        ]
        for side in sides:
            _round(side, upstream, 1)  # warm
            side.rates.clear()
        for _ in range(rounds):
            for side in sides:
                _round(side, upstream, seconds)
        print(f"outbox_backlog: {MILLION:,} parked, {rounds} rounds interleaved")
        _print_rates(sides)
        _herd(sides[-1], upstream)
        _drain(sides[-1], upstream)


def _side(stack: ExitStack, upstream: str, name: str, waiting: Waiting | None) -> Side:
    served = stage.served(stack, upstream)
    load = stage.furnished(served, LIMIT)
    asyncio.run(_stock(served.database_url, load, waiting))
    return Side(name, served, replace(load, body=TEXT), [])


async def _stock(database_url: str, load: Load, waiting: Waiting | None) -> None:
    connection = await stock.connect(database_url)
    try:
        await stock.fill(connection, COUNTED)
        if waiting is not None:
            await stock.park(connection, load, waiting)
    finally:
        await connection.close()


def _round(side: Side, upstream: Upstream, seconds: float) -> None:
    def before_due(due_at: datetime) -> None:
        asyncio.run(_open_windows(side.served.database_url, due_at))

    found = park_and_release(side.load, upstream, CONNECTIONS, seconds, before_due)
    side.rates.append(found.released_per_second)


async def _open_windows(database_url: str, due_at: datetime) -> None:
    connection = await stock.connect(database_url)
    try:
        await stock.open_windows(connection, due_at)
    finally:
        await connection.close()


def _print_rates(sides: list[Side]) -> None:
    empty = sides[0]
    print(f"{'':12}{'released/s':>12}{'of empty':>10}{'MiB':>8}{'of empty':>10}")
    for side in sides:
        ratios = [rate / base for rate, base in zip(side.rates, empty.rates, strict=True)]
        shown = " ".join(f"{ratio:.2f}" for ratio in ratios)
        memory = side.memory()
        print(
            f"{side.name:12}{median(side.rates):12.0f}{median(ratios):10.2f}{memory:8.0f}"
            f"{memory / empty.memory():10.2f} (rounds {shown})"
        )
    print(f"bars: {BAR_RATIO:.2f} of the rate, {BAR_MEMORY:.2f} of the memory")


def _herd(side: Side, upstream: Upstream) -> None:
    upstream.begin_anew()
    before, began = side.decisions(), time.monotonic()
    side.limit(RISEN)
    seen = wait_for(upstream, ROOM)
    decided, took = side.decisions() - before, time.monotonic() - began
    print(
        f"room for {ROOM:,} of the million: {seen.messages:,} sent in {took:.1f} s, "
        f"{decided:,} decisions, {decided - seen.messages:,} of them in vain"
    )


def _drain(side: Side, upstream: Upstream) -> None:
    upstream.begin_anew()
    memory, rates, before = side.memory(), [], upstream.seen()
    side.limit(None)
    while before.messages < DRAINED:
        time.sleep(0.5)
        seen = upstream.seen()
        if seen.messages - before.messages >= STEP:
            rates.append((seen.messages - before.messages) / (seen.seconds - before.seconds))
            before = seen
    shown = " ".join(f"{rate:.0f}" for rate in rates)
    print(f"no limit any more: {before.messages:,} released, each {STEP:,} at {shown} a second")
    print(f"memory {memory:.0f} MiB, after that {side.memory():.0f} MiB")
