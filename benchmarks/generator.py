"""A load generator for machines without wrk: closed loop, one task a connection."""

import asyncio
import itertools
import statistics
import time

import aiohttp
import uvloop

from benchmarks.harness import Figures, Load


def generate(load: Load, connections: int, seconds: float) -> Figures:
    """Load for `seconds` and return the figures."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_generate(load, connections, seconds))


async def _generate(load: Load, connections: int, seconds: float) -> Figures:
    numbers = itertools.count()
    start = time.time_ns() // 1_000_000 % 10**7
    took: list[float] = []
    failed = 0
    ends_at = time.perf_counter() + seconds

    async def keep_sending(session: aiohttp.ClientSession) -> None:
        nonlocal failed
        while (began := time.perf_counter()) < ends_at:
            number = next(numbers)
            path = load.paths[number % len(load.paths)]
            body = load.body.replace("%s", f"346{start:07d}{number % 100_000:05d}")
            async with session.post(load.url + path, data=body, headers=load.headers) as answer:
                await answer.read()
                failed += not answer.ok
            took.append(time.perf_counter() - began)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(keep_sending(session) for _ in range(connections)))
    cuts = statistics.quantiles(took, n=100)
    return Figures(len(took) / seconds, cuts[49] * 1000, cuts[98] * 1000, failed)
