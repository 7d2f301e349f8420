import asyncio

import pytest

from gateway.cloud.deadlines import STEPS, Deadlines
from tests.outbound.virtual_time import run

LIMIT_S = 10.0
AT_MOST_S = LIMIT_S * (1 + 1 / STEPS) + 0.01


def now() -> float:
    return asyncio.get_running_loop().time()


async def call(deadlines: Deadlines, takes_s: float) -> float | None:
    """Return when the call was ended, None if it came to its own end."""
    try:
        with deadlines:
            await asyncio.sleep(takes_s)
    except TimeoutError:
        return now()
    return None


def test_a_call_in_time_is_left_alone() -> None:
    assert run(call(Deadlines(LIMIT_S), LIMIT_S - 0.1)) is None


def test_a_call_that_takes_too_long_is_ended_soon_after_its_time() -> None:
    ended = run(call(Deadlines(LIMIT_S), 100.0))
    assert ended is not None
    assert LIMIT_S <= ended <= AT_MOST_S


def test_each_call_has_its_own_time() -> None:
    async def scene() -> None:
        deadlines = Deadlines(LIMIT_S)

        async def later(starts_s: float) -> None:
            await asyncio.sleep(starts_s)
            ended = await call(deadlines, 100.0)
            assert ended is not None
            assert LIMIT_S <= ended - starts_s <= AT_MOST_S

        quick = [call(deadlines, 1.0) for _ in range(10)]
        await asyncio.gather(*(later(start * 1.7) for start in range(10)), *quick)

    run(scene())


def test_a_task_may_call_again_after_it_was_ended() -> None:
    async def scene() -> None:
        deadlines = Deadlines(LIMIT_S)
        assert await call(deadlines, 100.0) is not None
        assert await call(deadlines, 1.0) is None
        started = now()
        ended = await call(deadlines, 100.0)
        assert ended is not None
        assert ended - started >= LIMIT_S

    run(scene())


def test_somebody_elses_cancellation_is_no_timeout() -> None:
    async def scene() -> None:
        task = asyncio.create_task(call(Deadlines(LIMIT_S), 100.0))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scene())


def test_an_error_of_the_call_is_its_own() -> None:
    async def scene() -> None:
        with Deadlines(LIMIT_S):
            raise LookupError

    with pytest.raises(LookupError):
        run(scene())
