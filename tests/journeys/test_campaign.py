import asyncio
from collections.abc import Sequence

import pytest

from tests.journeys.campaign import audience, campaign, reached, sent
from tests.world import DAY_S, MIDDLE, PORTFOLIO, SHARED, SMALL, Answer, World

RULES_THAT_TELL_WHEN = {"messaging_limit", "restriction"}


def assert_the_rest_was_told_when(answers: Sequence[Answer]) -> None:
    rest = [answer for answer in answers if answer.status != 200]
    assert rest
    for answer in rest:
        assert answer.status == 429, answer
        assert answer.rule in RULES_THAT_TELL_WHEN, answer
        assert answer.headers["Gateway-Decision"] == "defer"
        assert 0 < int(answer.headers["Retry-After"]) <= DAY_S
        assert answer.code in {131048, 368}


async def counted_by_meta(world: World, number: str) -> int:
    count: int = (await world.emulated(number))["counted_users"]
    return count


@pytest.mark.parametrize(("number", "limit"), [(SMALL, 250), (MIDDLE, 1000)])
async def test_a_campaign_of_three_times_the_limit_of_a_number_stays_below_it(
    world: World, number: str, limit: int
) -> None:
    """Overshoot is 0 and 95 % of the limit is used; the headroom is the rest."""
    answers = await campaign(world, number, audience(3 * limit))

    allowance = int(limit * 0.95)
    assert sent(answers) == allowance
    assert await counted_by_meta(world, number) == allowance
    assert len(reached(await world.sends(number))) == allowance
    assert_the_rest_was_told_when(answers)
    assert await world.violations() == []


async def test_three_numbers_of_a_portfolio_share_its_limit_and_never_pass_it(
    world: World,
) -> None:
    """Each of them sends as many as the whole portfolio may, all at the same time."""
    parts = [audience(2000, start=1 + 10_000 * index) for index in range(len(SHARED))]
    answers = await asyncio.gather(
        *(campaign(world, number, part) for number, part in zip(SHARED, parts, strict=True))
    )

    assert sum(sent(part) for part in answers) == 1900
    assert all(sent(part) > 0 for part in answers)
    assert await counted_by_meta(world, SHARED[0]) == 1900
    assert await world.counted(PORTFOLIO) == 1900
    assert_the_rest_was_told_when([answer for part in answers for answer in part])
    assert await world.violations() == []


async def test_a_user_who_counts_already_costs_nothing_more(world: World) -> None:
    people = audience(40)
    numbers = [SHARED[0], SHARED[1], SHARED[0]]
    for number in numbers:
        assert sent(await campaign(world, number, people)) == 40

    assert await world.counted(PORTFOLIO) == 40
    assert await counted_by_meta(world, SHARED[0]) == 40
    assert await world.violations() == []
