import asyncio
import contextlib

import pytest

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


def test_within_a_deed_it_is_the_hour_of_that_deed() -> None:
    schedule = Schedule()
    hours: list[float | None] = []
    for hour in (1.0, 2.0):
        schedule.at(hour, lambda _: hours.append(schedule.hour))
    schedule.run_due(5.0)
    assert hours == [1.0, 2.0]
    assert schedule.hour is None


def test_a_deed_that_breaks_leaves_no_hour_behind() -> None:
    schedule = Schedule()
    schedule.at(1.0, lambda _: [].pop())
    with pytest.raises(IndexError):
        schedule.run_due(5.0)
    assert schedule.hour is None


def test_what_is_due_at_once_is_told_apart_from_what_is_around_it() -> None:
    schedule = Schedule()
    told: list[str] = []
    schedule.between = lambda: told.append("between")
    schedule.at(1.0, lambda _: told.append("a"))
    schedule.at(1.0, lambda _: told.append("b"))
    assert schedule.run_due(0.5) == 0
    assert told == []
    schedule.run_due(1.0)
    schedule.run_due(2.0)
    assert told == ["between", "a", "b", "between"]


def test_what_is_forgotten_is_not_done() -> None:
    schedule = Schedule()
    schedule.at(1.0, lambda _: [].pop())
    schedule.forget()
    assert schedule.run_due(5.0) == 0


async def test_the_watch_of_a_hurried_clock_looks_in_time() -> None:
    """At a thousand times the speed, 30 seconds of the clock must not take 5 real ones."""
    schedule = Schedule()
    loop = asyncio.get_running_loop()
    began = loop.time()
    watching = asyncio.create_task(
        schedule.watch(lambda: (loop.time() - began) * 1000, lambda: 1000.0)
    )
    happened = asyncio.Event()
    schedule.at(30.0, lambda _: happened.set())
    async with asyncio.timeout(2):
        await happened.wait()
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


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
