import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.outbound.pacing import CongestedError, Line, Pacing
from tests.outbound.virtual_time import run

LEVELS = [1, 2, 3, 5, 10, 20, 33, 79, 80, 81, 250, 1000]


def now() -> float:
    return asyncio.get_running_loop().time()


async def pass_through(line: Line, gaps: Iterable[float]) -> list[float]:
    """Let messages come one gap after another; return when each went over the wire."""
    left: list[float] = []

    async def one() -> None:
        await line.enter(1e9)
        try:
            await line.turn()
            left.append(now())
        finally:
            line.leave()

    async with asyncio.TaskGroup() as group:
        for gap in gaps:
            await asyncio.sleep(gap)
            group.create_task(one())
    return left


def most_in_a_second(instants: list[float]) -> int:
    """Return how many lie in the fullest second, both of its ends included."""
    return max(
        sum(start <= instant <= start + 1.0 for instant in instants[index:])
        for index, start in enumerate(instants)
    )


@pytest.mark.parametrize("throughput", LEVELS)
def test_no_second_holds_more_than_the_throughput(throughput: int) -> None:
    """Source: THR (11 Sep 2026), R§5.1."""
    count = min(throughput * 3 + 5, 1200)
    left = run(pass_through(Line(throughput), [0.0] * count))
    assert len(left) == count
    assert most_in_a_second(left) <= throughput


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([1, 2, 5, 33, 80]),
    st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.3, 0.999, 1.0, 2.5]), max_size=150),
)
def test_no_second_holds_more_however_messages_come(throughput: int, gaps: list[float]) -> None:
    left = run(pass_through(Line(throughput), [0.0, *gaps]))
    assert len(left) == len(gaps) + 1
    assert most_in_a_second(left) <= throughput


@pytest.mark.parametrize("throughput", [20, 80, 250, 1000])
def test_a_crowd_uses_nearly_all_of_the_throughput(throughput: int) -> None:
    left = run(pass_through(Line(throughput), [0.0] * throughput * 5))
    assert len(left) / left[-1] >= throughput * 0.9


def test_who_comes_alone_does_not_wait() -> None:
    left = run(pass_through(Line(80), [0.0, 1.0, 1.0]))
    assert left == pytest.approx([0.0, 1.0, 2.0], abs=0.001)


def test_in_a_line_first_come_is_first_served() -> None:
    async def scene() -> list[int]:
        line, order = Line(10), list[int]()

        async def one(number: int) -> None:
            await line.enter(100.0)
            try:
                await line.turn()
                order.append(number)
            finally:
                line.leave()

        await asyncio.gather(*(one(number) for number in range(50)))
        return order

    assert run(scene()) == list(range(50))


def test_only_so_many_are_at_the_desk_as_the_wire_takes_in_a_quarter_of_a_second() -> None:
    async def scene() -> None:
        line = Line(80)
        for _ in range(19):
            await line.enter(1.0)
        late = asyncio.create_task(line.enter(1.0))
        await asyncio.sleep(0)
        assert not late.done()
        line.leave()
        await late

    run(scene())


def test_a_caller_is_told_at_once_when_the_line_is_too_long() -> None:
    async def scene() -> None:
        line = Line(80)
        for _ in range(19):
            await line.enter(1.0)
        waiting = [asyncio.create_task(line.enter(60.0)) for _ in range(100)]
        await asyncio.sleep(0)
        started = now()
        with pytest.raises(CongestedError) as congested:
            await line.enter(1.0)
        assert now() == started
        assert congested.value.retry_after_s == pytest.approx(119 / line.rate)
        assert "1.6 s long" in str(congested.value)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert line.wait_s == pytest.approx(19 / line.rate)

    run(scene())


def test_a_caller_who_waited_in_vain_is_told_when_the_time_is_over() -> None:
    async def scene() -> None:
        line = Line(80)
        for _ in range(19):
            await line.enter(1.0)
        started = now()
        with pytest.raises(CongestedError) as congested:
            await line.enter(2.0)
        assert now() == pytest.approx(started + 2.0, abs=0.001)
        assert congested.value.retry_after_s >= 1.0
        assert line.wait_s == pytest.approx(19 / line.rate)

    run(scene())


def test_who_may_not_wait_at_all_passes_an_empty_line() -> None:
    async def scene() -> None:
        line = Line(80)
        await line.enter(0.0)
        with pytest.raises(CongestedError):
            await line.enter(0.0)
        line.leave()
        await line.enter(0.0)

    run(scene())


def test_each_number_has_a_line_of_its_own() -> None:
    async def scene() -> None:
        pacing = Pacing()
        line = pacing.line("1", 80)
        assert pacing.line("1", 80) is line
        assert pacing.line("2", 80) is not line
        assert pacing.line("1", 1000).throughput == 1000
        assert pacing.line("1", 1000) is not line

    run(scene())


@pytest.mark.parametrize(
    ("share", "throughput", "own"),
    [(1.0, 80, 80), (0.5, 80, 40), (1 / 3, 80, 26), (0.25, 1000, 250), (0.1, 5, 1)],
)
def test_a_process_takes_only_its_share(share: float, throughput: int, own: int) -> None:
    async def scene() -> int:
        return Pacing(share).line("1", throughput).throughput

    assert run(scene()) == own
