"""Measures what a place in the line costs a message that does not have to wait.

Puts aiolimiter alone, which every paced gateway needs, beside the whole of our line: class, lane,
place, turn. One loop, interleaved; prints microseconds a message and the ratio.
"""

import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Final

import uvloop
from aiolimiter import AsyncLimiter

from gateway.outbound.audience import Audience
from gateway.outbound.lanes import LaneKey, Lanes
from gateway.outbound.pacing import Line, Wanted
from gateway.policy.send_class import SendClass
from gateway.whatsapp.ids import PhoneNumberId, UserId

MESSAGES: Final = 20_000
FAST: Final = 1_000_000_000
"""So many messages a second that nobody waits: what is left is the cost."""


def run(rounds: int, _seconds: float) -> None:
    """Measure both sides in turn, and print."""
    pairs = uvloop.run(_measure(rounds))
    alone, line = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    ratios = " ".join(f"{ours / bare:.1f}" for bare, ours in pairs)
    print(f"pacing_cost: {MESSAGES} messages that need not wait, {rounds} rounds interleaved")
    print(f"aiolimiter alone  {alone:6.2f} us a message")
    print(f"the whole line    {line:6.2f} us a message, {line / alone:.1f} times (rounds {ratios})")


async def _measure(rounds: int) -> list[tuple[float, float]]:
    limiter, line, lanes = AsyncLimiter(FAST, 1), Line("1", FAST), Lanes()
    audience = Audience()
    users = [UserId(f"346{index:08d}") for index in range(1000)]

    async def paced(index: int) -> None:
        key = LaneKey(PhoneNumberId("1"), users[index % 1000], "shop", SendClass.UTILITY)
        ticket = lanes.join(key)
        await line.enter(Wanted(key.send_class, key.app_id, 10.0), audience)
        await line.turn()
        line.leave()
        lanes.done(ticket)

    async def bare(_index: int) -> None:
        await limiter.acquire()

    return [(await _timed(bare), await _timed(paced)) for _ in range(rounds)]


async def _timed(message: Callable[[int], Awaitable[None]]) -> float:
    started = time.perf_counter()
    for index in range(MESSAGES):
        await message(index)
    return (time.perf_counter() - started) / MESSAGES * 1e6
