"""Shows who waits how long when a number is asked for half again as much as it may send.

The same traffic, drawn from one seed, goes to two lines of one throughput at the same time: a plain
first-come-first-served one, and the gateway's. Draws the waits by class into a picture.
"""

import asyncio
import random
import time
from collections import defaultdict
from pathlib import Path
from typing import Final, NamedTuple

import matplotlib as mpl
from aiolimiter import AsyncLimiter

mpl.use("Agg")

from matplotlib import pyplot as plt

from gateway.outbound.audience import Audience
from gateway.outbound.pacing import CongestedError, Line, Wanted
from gateway.policy.send_class import SendClass

LEVEL: Final = 80
OVERLOAD: Final = 1.5
MOST_WAIT_S: Final = 10.0
SEED: Final = 7
PICTURE: Final = Path(__file__).with_suffix(".png")
MIX: Final = {
    SendClass.AUTHENTICATION: 0.05,
    SendClass.REPLY: 0.10,
    SendClass.UTILITY: 0.15,
    SendClass.MARKETING: 0.70,
}
COLOURS: Final = {
    SendClass.AUTHENTICATION: "#c0392b",
    SendClass.REPLY: "#3c7a89",
    SendClass.UTILITY: "#7cc48d",
    SendClass.MARKETING: "#b8c4cc",
}


class Wait(NamedTuple):
    """When somebody came, how long they waited, and whether they were let through."""

    came_s: float
    wait_s: float
    sent: bool


Waits = dict[SendClass, list[Wait]]


class Plain:
    """A line without classes: a limiter, and a caller who gives up when the time is over."""

    def __init__(self) -> None:
        self._limiter = AsyncLimiter(1, 1 / (LEVEL * 0.955))

    async def pass_through(self, _send_class: SendClass) -> bool:
        """Wait for a turn; tell whether it came in time."""
        try:
            async with asyncio.timeout(MOST_WAIT_S):
                await self._limiter.acquire()
        except TimeoutError:
            return False
        return True


class Paced:
    """The gateway's line."""

    def __init__(self) -> None:
        self._line = Line("1", LEVEL)

    async def pass_through(self, send_class: SendClass) -> bool:
        """Wait for a turn; tell whether there was one."""
        try:
            await self._line.enter(Wanted(send_class, "app", MOST_WAIT_S), Audience())
        except CongestedError:
            return False
        try:
            await self._line.turn()
        finally:
            self._line.leave()
        return True


def run(rounds: int, seconds: float) -> None:
    """Let traffic come for `rounds` times `seconds`, print the waits and draw them."""
    plain, paced = asyncio.run(_both(rounds * seconds))
    print(f"waits_under_overload: {OVERLOAD:g} times what a number of {LEVEL}/s may send")
    print(f"{'':16}{'plain: sent  p99 s':>22}{'gateway: sent  p99 s':>24}")
    for send_class in MIX:
        columns = [_summary(waits[send_class]) for waits in (plain, paced)]
        print(f"{send_class:16}{columns[0]:>22}{columns[1]:>24}")
    told = [wait.wait_s for waits in paced.values() for wait in waits if not wait.sent]
    if told:
        print(f"who was told to come later knew after {sum(told) / len(told) * 1000:.1f} ms")
    _draw({"first come, first served": plain, "the gateway's line": paced}, PICTURE)
    print(f"drawn into {PICTURE.name}")


async def _both(seconds: float) -> tuple[Waits, Waits]:
    rng = random.Random(SEED)  # noqa: S311 - repeatable traffic, not a secret
    sides: tuple[tuple[Plain | Paced, Waits], ...] = (
        (Plain(), defaultdict(list)),
        (Paced(), defaultdict(list)),
    )
    started = time.perf_counter()

    async def one(side: Plain | Paced, waits: Waits, send_class: SendClass) -> None:
        came = time.perf_counter()
        sent = await side.pass_through(send_class)
        waits[send_class].append(Wait(came - started, time.perf_counter() - came, sent))

    async with asyncio.TaskGroup() as group:
        due = 0.0
        while due < seconds:
            due += rng.expovariate(LEVEL * OVERLOAD)
            await asyncio.sleep(started + due - time.perf_counter())
            (send_class,) = rng.choices(list(MIX), list(MIX.values()))
            for side, waits in sides:
                group.create_task(one(side, waits, send_class))
    return sides[0][1], sides[1][1]


def _summary(waits: list[Wait]) -> str:
    sent = sorted(wait.wait_s for wait in waits if wait.sent)
    part = len(sent) / len(waits) if waits else 0.0
    p99 = sent[int(len(sent) * 0.99)] if sent else float("nan")
    return f"{part:.0%}  {p99:.2f}"


def _draw(sides: dict[str, Waits], path: Path) -> None:
    figure, panels = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
    for axes, (title, waits) in zip(panels, sides.items(), strict=True):
        for send_class in reversed(MIX):
            sent = [wait for wait in waits[send_class] if wait.sent]
            axes.plot(
                [wait.came_s for wait in sent],
                [wait.wait_s for wait in sent],
                ".",
                markersize=3,
                color=COLOURS[send_class],
                label=send_class,
            )
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_xlabel("s since the overload began")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("waited, s")
    panels[1].legend(frameon=False, markerscale=3)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
