import asyncio

import pytest

from gateway.outbound.audience import AbandonedError, Audience
from gateway.outbound.rests import LeavingError, Rests
from tests.outbound.virtual_time import run


def now() -> float:
    return asyncio.get_running_loop().time()


def test_who_rests_wakes_at_the_hour_and_not_before() -> None:
    async def scene() -> list[float]:
        rests = Rests()
        woke: list[float] = []

        async def rest(seconds: float) -> None:
            await rests.rest(seconds, Audience())
            woke.append(now())

        await asyncio.gather(*(rest(seconds) for seconds in (5.0, 0.0, -1.0, 60.0)))
        return woke

    assert run(scene()) == pytest.approx([0.0, 0.0, 5.0, 60.0], abs=0.001)


@pytest.mark.parametrize("error", [AbandonedError, LeavingError])
def test_it_is_told_at_once_that_there_is_nothing_to_wait_for_any_more(
    error: type[Exception],
) -> None:
    async def scene() -> None:
        rests, audience = Rests(), Audience()
        audience.join()
        resting = [asyncio.create_task(rests.rest(60.0, audience)) for _ in range(3)]
        await asyncio.sleep(0)
        if error is AbandonedError:
            audience.leave()
        else:
            rests.close()
        for one in (*resting, rests.rest(60.0, audience), rests.rest(0.0, audience)):
            with pytest.raises(error):
                await one
        assert now() < 0.001

    run(scene())


def test_who_has_woken_or_given_up_is_told_nothing_more() -> None:
    async def scene() -> None:
        rests = Rests()
        await rests.rest(1.0, Audience())
        given_up = asyncio.create_task(rests.rest(60.0, Audience()))
        await asyncio.sleep(0)
        given_up.cancel()
        rests.close()
        with pytest.raises(asyncio.CancelledError):
            await given_up

    run(scene())
