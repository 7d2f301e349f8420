from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.gcra import Gcra
from tests.policy.making import INSTANT, NOW

SECOND = timedelta(seconds=1)
THREE_AT_ONCE = Gcra(10 * SECOND, 3)
PERIODS = st.sampled_from([SECOND, timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)])


@pytest.mark.parametrize(
    ("ahead_s", "waits_s"), [(None, 0), (-5, 0), (0, 0), (20, 0), (21, 1), (30, 10), (50, 30)]
)
def test_the_next_fits_once_no_more_than_the_burst_is_owed(
    ahead_s: int | None, waits_s: int
) -> None:
    tat = None if ahead_s is None else NOW + ahead_s * SECOND
    assert THREE_AT_ONCE.fits_at(tat, NOW) == NOW + waits_s * SECOND


@pytest.mark.parametrize(
    ("ahead_s", "after_s"), [(None, 10), (-5, 10), (0, 10), (7, 17), (20, 30), (25, 30), (900, 900)]
)
def test_each_one_owes_an_interval_until_the_burst_is_used_up(
    ahead_s: int | None, after_s: int
) -> None:
    tat = None if ahead_s is None else NOW + ahead_s * SECOND
    assert THREE_AT_ONCE.taken(tat, NOW) == NOW + after_s * SECOND


def test_where_nobody_waited_the_next_waits_an_interval_not_for_all_that_went_before() -> None:
    tat = None
    for _ in range(1000):
        tat = THREE_AT_ONCE.taken(tat, NOW)
    assert THREE_AT_ONCE.fits_at(tat, NOW) == NOW + THREE_AT_ONCE.interval


@given(
    st.integers(1, 40),
    PERIODS,
    st.lists(st.tuples(st.floats(0, 1.5), st.just(0.0) | st.floats(0, 1.5)), max_size=150),
)
def test_no_stretch_of_the_period_ever_holds_more_than_the_limit(
    limit: int, period: timedelta, asked: list[tuple[float, float]]
) -> None:
    """Whatever the arrivals, and although some leave later than they have to."""
    schedule = Gcra.within(limit, period)
    left: list[datetime] = []
    now, tat = NOW, None
    for gap, delay in asked:
        now += gap / limit * period
        at = max(schedule.fits_at(tat, now), now + delay * period)
        tat = schedule.taken(tat, at)
        left.append(at)
    left.sort()
    for first, one_too_many in zip(left, left[limit:], strict=False):
        assert one_too_many - first > period


@given(st.integers(1, 2**31), PERIODS)
def test_the_limit_holds_to_the_instant_for_any_limit(limit: int, period: timedelta) -> None:
    schedule = Gcra.within(limit, period)
    assert schedule.interval >= INSTANT
    assert schedule.burst + period // schedule.interval <= limit


@given(st.integers(1, 40), PERIODS, st.floats(0, 2))
def test_constant_demand_gets_the_limit_in_any_two_periods(
    limit: int, period: timedelta, since: float
) -> None:
    schedule = Gcra.within(limit, period)
    start = NOW + since * period
    at, tat = NOW, None
    left = []
    while at < start + 2 * period:
        tat = schedule.taken(tat, at)
        left.append(at)
        at = schedule.fits_at(tat, at)
    assert sum(start <= each for each in left) >= limit
