import asyncio
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.outbound.audience import AbandonedError, Audience
from gateway.outbound.pacing import CongestedError, Line, Pacing, Wanted
from gateway.outbound.rests import LeavingError
from gateway.policy.rate_shares import Grant, alone
from gateway.policy.send_class import SendClass
from tests.outbound.making import enter, wanted
from tests.outbound.virtual_time import run

LEVELS = [1, 2, 3, 5, 10, 20, 33, 79, 80, 81, 250, 1000]
AUTH, REPLY, UTILITY, _, MARKETING = SendClass


def now() -> float:
    return asyncio.get_running_loop().time()


async def one(line: Line, left: list[tuple[float, Wanted]], want: Wanted) -> None:
    await line.enter(want, Audience())
    try:
        await line.turn()
        left.append((now(), want))
    finally:
        line.leave()


async def pass_through(line: Line, gaps: Iterable[float]) -> list[float]:
    """Let messages come one gap after another; return when each went over the wire."""
    left: list[tuple[float, Wanted]] = []
    async with asyncio.TaskGroup() as group:
        for gap in gaps:
            await asyncio.sleep(gap)
            group.create_task(one(line, left, wanted()))
    return [at for at, _ in left]


def most_in_a_second(instants: list[float]) -> int:
    """Return how many lie in the fullest second, both of its ends included."""
    return max(
        sum(start <= instant <= start + 1.0 for instant in instants[index:])
        for index, start in enumerate(instants)
    )


def through(level: int, gaps: list[float]) -> list[float]:
    async def scene() -> list[float]:
        return await pass_through(Line("1", level), gaps)

    return run(scene())


@pytest.mark.parametrize("level", LEVELS)
def test_no_second_holds_more_than_the_throughput(level: int) -> None:
    """Source: THR (11 Sep 2026), R§5.1."""
    count = min(level * 3 + 5, 1200)
    left = through(level, [0.0] * count)
    assert len(left) == count
    assert most_in_a_second(left) <= level


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([1, 2, 5, 33, 80]),
    st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.3, 0.999, 1.0, 2.5]), max_size=150),
)
def test_no_second_holds_more_however_messages_come(level: int, gaps: list[float]) -> None:
    left = through(level, [0.0, *gaps])
    assert len(left) == len(gaps) + 1
    assert most_in_a_second(left) <= level


@pytest.mark.parametrize("level", [20, 80, 250, 1000])
def test_a_crowd_uses_nearly_all_of_the_throughput(level: int) -> None:
    left = through(level, [0.0] * level * 5)
    assert len(left) / left[-1] >= level * 0.95


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(0.05, 1.5), st.sampled_from([19, 38, 57, 76])), max_size=8))
def test_changes_of_the_grant_let_nobody_through_too_early(
    changes: list[tuple[float, int]],
) -> None:
    async def scene() -> list[float]:
        line = Line("1", 80)

        async def change() -> None:
            for gap, rate in changes:
                await asyncio.sleep(gap)
                line.regulate(Grant(rate, 1 + rate / 100))

        async with asyncio.TaskGroup() as group:
            group.create_task(change())
            passing = group.create_task(pass_through(line, [0.0] * 200))
        return passing.result()

    assert most_in_a_second(run(scene())) <= 80


def test_who_comes_alone_does_not_wait() -> None:
    left = through(80, [0.0, 1.0, 1.0])
    assert left == pytest.approx([0.0, 1.0, 2.0], abs=0.001)


def test_in_a_line_first_come_is_first_served() -> None:
    async def scene() -> list[str]:
        line, left = Line("1", 10), list[tuple[float, Wanted]]()
        names = [str(number) for number in range(50)]
        # One app, so that the order of its messages is seen by what they may wait.
        await asyncio.gather(*(one(line, left, wanted(1000 + float(name))) for name in names))
        return [f"{want.most_wait_s - 1000:.0f}" for _, want in left]

    assert run(scene()) == [str(number) for number in range(50)]


def test_a_code_overtakes_a_campaign_and_a_reply_does_too() -> None:
    async def scene() -> dict[SendClass, float]:
        line, left = Line("1", 80), list[tuple[float, Wanted]]()
        async with asyncio.TaskGroup() as group:
            for _ in range(800):
                group.create_task(one(line, left, wanted()))
            await asyncio.sleep(2.0)
            group.create_task(one(line, left, wanted(send_class=REPLY)))
            group.create_task(one(line, left, wanted(send_class=AUTH)))
        return {want.send_class: at - 2.0 for at, want in left if want.send_class != MARKETING}

    waited = run(scene())
    assert waited[AUTH] <= 0.4
    assert waited[AUTH] < waited[REPLY] <= 0.45


def test_apps_get_the_same_however_much_they_want() -> None:
    async def scene() -> Counter[str]:
        line, left = Line("1", 80), list[tuple[float, Wanted]]()
        tasks = [
            asyncio.create_task(one(line, left, wanted(app_id=app)))
            for app, many in (("a", 1000), ("b", 300), ("c", 300))
            for _ in range(many)
        ]
        await asyncio.sleep(10.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Who was let to the desk before the others had come is not counted.
        return Counter(want.app_id for at, want in left if at > 0.5)

    got = run(scene())
    assert max(got.values()) - min(got.values()) <= 2


def test_only_so_many_are_at_the_desk_as_the_wire_takes_in_a_quarter_of_a_second() -> None:
    async def scene() -> None:
        line = Line("1", 80)
        for _ in range(20):
            await enter(line, 1.0)
        late = asyncio.create_task(enter(line, 1.0))
        await asyncio.sleep(0)
        assert not late.done()
        assert (len(line), line.waiting(MARKETING)) == (1, 1)
        line.leave()
        await late

    run(scene())


def test_a_caller_is_told_at_once_when_the_line_is_too_long() -> None:
    async def scene() -> None:
        line = Line("1", 80)
        for _ in range(20):
            await enter(line, 1.0)
        waiting = [asyncio.create_task(enter(line, 60.0)) for _ in range(100)]
        await asyncio.sleep(0)
        started = now()
        with pytest.raises(CongestedError) as congested:
            await enter(line, 1.0)
        assert now() == started
        assert congested.value.retry_after_s == pytest.approx(120 / line.grant.rate)
        assert "1.6 s long" in str(congested.value)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert line.wait_s(MARKETING, "shop") == pytest.approx(20 / line.grant.rate)

    run(scene())


def test_who_is_overtaken_too_often_is_told_when_it_is_clear_not_when_it_is_too_late() -> None:
    async def scene() -> float:
        line, left = Line("1", 80), list[tuple[float, Wanted]]()
        async with asyncio.TaskGroup() as group:
            for _ in range(400):
                group.create_task(one(line, left, wanted()))
            await asyncio.sleep(0)
            late = group.create_task(told_late(line, 9.0))
            await asyncio.sleep(1.0)
            for _ in range(800):
                group.create_task(one(line, left, wanted(send_class=AUTH)))
            return await late

    assert run(scene()) == pytest.approx(1.0, abs=0.2)


async def told_late(line: Line, most_wait_s: float) -> float:
    with pytest.raises(CongestedError) as congested:
        await enter(line, most_wait_s)
    assert congested.value.retry_after_s > most_wait_s - 1.5
    return now()


def test_a_caller_who_waited_in_vain_is_told_when_the_time_is_over() -> None:
    async def scene() -> None:
        line = Line("1", 80)
        for _ in range(20):
            await enter(line, 1.0)
        with pytest.raises(CongestedError):
            await enter(line, 2.0)
        assert now() == pytest.approx(2.0, abs=0.1)
        assert len(line) == 0

    run(scene())


def test_who_may_not_wait_at_all_passes_an_empty_line() -> None:
    async def scene() -> None:
        line = Line("1", 80)
        await enter(line, 0.0)
        with pytest.raises(CongestedError):
            await enter(line, 0.0)
        line.leave()
        await enter(line, 0.0)

    run(scene())


def test_a_caller_who_hangs_up_leaves_the_line() -> None:
    async def scene() -> None:
        line, audience = Line("1", 16), Audience()
        audience.join()
        for _ in range(4):
            await enter(line)
        waiting = asyncio.create_task(line.enter(wanted(), audience))
        await asyncio.sleep(0)
        assert len(line) == 1
        audience.leave()
        assert len(line) == 0
        with pytest.raises(AbandonedError):
            await waiting
        line.leave()
        await enter(line, 1.0)

    run(scene())


def test_a_line_that_is_closed_tells_all_who_wait_and_come_and_lets_go_who_is_inside() -> None:
    async def scene() -> None:
        pacing = Pacing()
        line = pacing.line("1", 16)
        for _ in range(4):
            await enter(line)
        waiting = [asyncio.create_task(enter(line)) for _ in range(3)]
        await asyncio.sleep(0)
        pacing.close()
        assert len(line) == 0
        for late in (*waiting, enter(line), enter(pacing.line("2", 80))):
            with pytest.raises(LeavingError):
                await late
        await line.turn()
        assert now() < 0.001

    run(scene())


def test_a_line_that_is_held_lets_nobody_through_and_says_for_how_long() -> None:
    async def scene() -> None:
        line = Line("1", 80)
        await enter(line)
        line.hold(60.0)
        with pytest.raises(CongestedError) as decided:
            await line.turn()
        assert decided.value.retry_after_s == pytest.approx(60.0)
        line.leave()
        with pytest.raises(CongestedError) as congested:
            await enter(line, 10.0)
        assert congested.value.retry_after_s == pytest.approx(60.0, abs=0.1)
        await enter(line, 70.0)
        await line.turn()
        assert now() == pytest.approx(60.0, abs=0.1)

    run(scene())


def test_a_line_without_a_grant_stands_still_until_it_is_given_one() -> None:
    async def scene() -> None:
        asked: list[str] = []
        pacing = Pacing(asked.append)
        line = pacing.line("1", 80)
        waiting = asyncio.create_task(enter(line, 5.0))
        await asyncio.sleep(0.3)
        assert (set(asked), waiting.done(), len(line)) == ({"1"}, False, 1)
        assert (pacing.waiting(MARKETING), pacing.waiting(AUTH)) == (1, 0)
        line.regulate(alone(80))
        await waiting
        line.regulate(Grant(0.0, 1.0))
        with pytest.raises(CongestedError):
            await line.turn()

    run(scene())


def test_who_waits_at_a_line_that_stands_still_is_told_why_nothing_will_come_of_it() -> None:
    async def scene() -> None:
        is_away = False

        def still(number: str) -> None:
            if is_away:
                raise LookupError(number)

        line = Pacing(still).line("1", 80)
        waiting = asyncio.create_task(enter(line, 60.0))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        is_away = True
        with pytest.raises(LookupError):
            await waiting
        with pytest.raises(LookupError):
            await enter(line, 60.0)
        assert len(line) == 0

    run(scene())


def test_a_share_that_grows_while_somebody_waits_for_it_is_used_at_once() -> None:
    async def scene() -> float:
        line = Pacing(_still).line("1", 80)
        line.regulate(Grant(0.5, 1.0))
        await enter(line)
        waiting = asyncio.create_task(line.turn())
        await asyncio.sleep(0.5)
        line.regulate(Grant(76.0, 1.76))
        await waiting
        return now()

    assert run(scene()) == pytest.approx(0.5, abs=0.05)


def _still(_number: str) -> None: ...


def test_the_demand_is_who_comes_and_who_waits() -> None:
    async def scene() -> None:
        line = Line("1", 16)
        assert line.demand() == 0
        waiting = [asyncio.create_task(enter(line)) for _ in range(104)]
        await asyncio.sleep(0)
        assert line.demand() == pytest.approx(100 + 104 / 2, rel=0.01)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    run(scene())


def test_each_number_has_a_line_of_its_own() -> None:
    async def scene() -> None:
        pacing = Pacing()
        line = pacing.line("1", 80)
        assert pacing.line("1", 80) is line
        assert pacing.line("2", 80) is not line
        assert list(pacing.lines) == [line, pacing.line("2", 80)]

    run(scene())


def test_a_changed_level_changes_the_line_that_is_there() -> None:
    async def scene() -> None:
        pacing = Pacing()
        line = pacing.line("1", 80)
        assert pacing.line("1", 1000) is line
        assert (line.level, line.grant) == (1000, alone(1000))

    run(scene())


def test_a_lowered_level_counts_at_once_a_raised_one_when_it_is_granted() -> None:
    async def scene() -> None:
        pacing = Pacing(_still)
        line = pacing.line("1", 80)
        line.regulate(Grant(76.0, 1.76))
        pacing.line("1", 20)
        assert line.grant.rate == pytest.approx(19.0)
        pacing.line("1", 80)
        assert line.grant.rate == pytest.approx(19.0)

    run(scene())
