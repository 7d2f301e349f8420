"""What the gateway saves, told by the emulator: the demo's two campaigns in a small world."""

import pytest

from benchmarks.campaigns import DAYS
from benchmarks.reckless_and_careful import STRAIGHT, THROUGH, Outcome, compare, table

PEOPLE = (400, 700)
SILENCED = {"FORBIDDEN", "BANNED"}


@pytest.fixture
async def outcomes(database_url: str) -> dict[tuple[str, str], Outcome]:
    """Live through two weeks on both routes."""
    lived = await compare(database_url, PEOPLE, DAYS, lambda _route, _day: None)
    assert table(lived).row_count > 5
    return {(each.campaign, each.route): each for each in lived}


async def test_the_gateway_keeps_a_number_that_would_be_lost(
    outcomes: dict[tuple[str, str], Outcome],
) -> None:
    """Straight to Meta the reckless number is silenced for days, through the gateway never."""
    lost, kept = outcomes["reckless", STRAIGHT], outcomes["reckless", THROUGH]
    assert sum(status in SILENCED for status in lost.diary.statuses) > 5 * 24
    assert not SILENCED & set(kept.diary.statuses)
    assert (lost.diary.limits[-1] or 0) <= (kept.diary.limits[-1] or 0)
    assert kept.violations == 0 < lost.violations
    assert kept.diary.sum.refused == 0 < lost.diary.sum.refused
    assert kept.diary.sum.held > 0
    assert kept.complaints < lost.complaints

    for route in (STRAIGHT, THROUGH):
        careful = outcomes["careful", route]
        assert set(careful.diary.ratings) == {"GREEN"}
        assert careful.diary.limits[0] == 250
        assert careful.diary.limits[-1] == 10_000
    assert outcomes["careful", THROUGH].violations == 0
    straight, through = (outcomes["careful", route].diary.sum for route in (STRAIGHT, THROUGH))
    assert through.accepted >= 0.95 * straight.accepted
