import asyncio
import contextlib

from gateway.emulator.schedule import Schedule


def test_deeds_are_done_in_order_with_their_own_hour() -> None:
    schedule = Schedule()
    done: list[tuple[str, float]] = []
    schedule.at(2.0, lambda at: done.append(("b", at)))
    schedule.at(1.0, lambda at: done.append(("a", at)))
    schedule.at(2.0, lambda at: done.append(("c", at)))
    assert schedule.run_due(0.9) == 0
    assert schedule.run_due(5.0) == 3
    assert done == [("a", 1.0), ("b", 2.0), ("c", 2.0)]


def test_a_deed_may_plan_another_that_is_due_already() -> None:
    schedule = Schedule()
    done: list[float] = []
    schedule.at(1.0, lambda at: schedule.at(at + 1, done.append))
    assert schedule.run_due(2.0) == 2
    assert done == [2.0]


async def test_the_watch_does_what_time_brings() -> None:
    schedule = Schedule()
    loop = asyncio.get_running_loop()
    watching = asyncio.create_task(schedule.watch(loop.time))
    happened = asyncio.Event()
    schedule.at(loop.time() + 0.02, lambda _: happened.set())
    async with asyncio.timeout(5):
        await happened.wait()
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
