import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from gateway.loop import Loop

LONG_S = 3600.0
PATIENCE_S = 5.0


class Sweep:
    """Counts its runs, each of which may be made to fail or to last."""

    def __init__(self) -> None:
        self.runs = 0
        self.failures: list[Exception] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self._ran = asyncio.Condition()

    async def __call__(self) -> None:
        self.runs += 1
        async with self._ran:
            self._ran.notify_all()
        await self.may_end.wait()
        if self.failures:
            raise self.failures.pop(0)

    async def reached(self, runs: int) -> None:
        async with asyncio.timeout(PATIENCE_S), self._ran:
            await self._ran.wait_for(lambda: self.runs >= runs)


@asynccontextmanager
async def running(loop: Loop) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(loop.run())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_sweeps_at_once_and_then_every_interval() -> None:
    sweep = Sweep()
    async with running(Loop("test", sweep, 0.001)):
        await sweep.reached(3)


async def test_waking_does_not_wait_for_the_interval() -> None:
    sweep = Sweep()
    loop = Loop("test", sweep, LONG_S)
    async with running(loop):
        await sweep.reached(1)
        loop.wake()
        await sweep.reached(2)


async def test_a_wake_during_a_sweep_is_not_lost_and_many_are_one() -> None:
    sweep = Sweep()
    sweep.may_end.clear()
    loop = Loop("test", sweep, LONG_S)
    async with running(loop):
        await sweep.reached(1)
        for _ in range(5):
            loop.wake()
        sweep.may_end.set()
        await sweep.reached(2)
        for _ in range(20):  # a third sweep would need no more than one turn of the event loop
            await asyncio.sleep(0)
        assert sweep.runs == 2


async def test_a_sweep_that_fails_is_logged_and_tried_again() -> None:
    sweep = Sweep()
    sweep.failures = [OSError("the database is away"), ValueError("a bug")]
    with capture_logs() as logs:
        async with running(Loop("digest", sweep, 0.001)) as task:
            await sweep.reached(3)
            assert not task.done()
    assert [(each["loop"], each["error"]) for each in logs] == [
        ("digest", "OSError: the database is away"),
        ("digest", "ValueError: a bug"),
    ]


async def test_it_ends_when_it_is_cancelled_in_the_middle_of_a_sweep() -> None:
    sweep = Sweep()
    sweep.may_end.clear()
    async with running(Loop("test", sweep, LONG_S)) as task:
        await sweep.reached(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
