from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.paces import DAY, HOUR, TEN_MINUTES, Activity, Allowance, Paces, Phase
from gateway.policy.paces import fits_at as fits
from gateway.policy.paces import taken as take
from tests.policy.making import NOW

USUAL = Allowance(Phase.USUAL, users_hour=100, sends_10m=200, users_day=None)
RAMP = Allowance(Phase.WARM_UP, users_hour=13, sends_10m=13, users_day=50)
LATER, MUCH_LATER = NOW + HOUR, NOW + 40 * HOUR


def test_a_number_that_has_started_nothing_may_start() -> None:
    for allowance in (USUAL, RAMP):
        assert fits(Activity(allowance, Paces()), NOW, new_user=True)[0] == NOW


@pytest.mark.parametrize(
    ("paces", "new_user", "waits_for"),
    [
        (Paces(users_hour_tat=MUCH_LATER), True, "13 new users an hour"),
        (Paces(users_hour_tat=MUCH_LATER), False, None),
        (Paces(sends_10m_tat=MUCH_LATER), True, "13 sends in 10 minutes"),
        (Paces(sends_10m_tat=MUCH_LATER), False, "13 sends in 10 minutes"),
        (Paces(users_day_tat=MUCH_LATER), True, "50 new users a day"),
        (Paces(users_day_tat=MUCH_LATER), False, None),
        (Paces(LATER, LATER, MUCH_LATER), True, "50 new users a day"),
        (Paces(LATER, MUCH_LATER, LATER), True, "13 sends in 10 minutes"),
    ],
)
def test_the_longest_wait_is_told_and_a_user_who_counts_waits_for_sends_alone(
    paces: Paces,
    new_user: bool,  # noqa: FBT001 - a table
    waits_for: str | None,
) -> None:
    at, allowance = fits(Activity(RAMP, paces), NOW, new_user=new_user)
    assert (at > NOW) is (waits_for is not None)
    if waits_for is not None:
        assert allowance == waits_for


def test_without_a_ramp_no_day_is_counted() -> None:
    assert fits(Activity(USUAL, Paces(users_day_tat=MUCH_LATER)), NOW, new_user=True)[0] == NOW
    assert take(Activity(USUAL, Paces()), NOW, new_user=True).users_day_tat is None


def test_a_user_who_counts_uses_up_sends_alone() -> None:
    before = Paces(LATER, NOW, LATER)
    after = take(Activity(RAMP, before), NOW, new_user=False)
    assert after.sends_10m_tat is not None
    assert after.sends_10m_tat > NOW
    assert after._replace(sends_10m_tat=NOW) == before


def test_a_new_user_uses_up_all_three() -> None:
    after = take(Activity(RAMP, Paces()), NOW, new_user=True)
    assert None not in after
    assert all(tat > NOW for tat in after if tat)


def most_within(period: timedelta, instants: list[datetime]) -> int:
    return max(sum(each <= at <= each + period for at in instants) for each in instants)


@given(st.lists(st.tuples(st.integers(0, 3000), st.booleans()), min_size=1, max_size=80))
def test_whoever_waits_until_it_fits_keeps_within_all_three(asked: list[tuple[int, bool]]) -> None:
    activity = Activity(RAMP, Paces())
    sends, users = [], []
    now = NOW
    for gap_s, new_user in asked:
        now += timedelta(seconds=gap_s)
        at, _ = fits(activity, now, new_user=new_user)
        activity = Activity(RAMP, take(activity, at, new_user=new_user))
        sends.append(at)
        users += [at] * new_user
    assert most_within(TEN_MINUTES, sends) <= 13
    if users:
        assert most_within(HOUR, users) <= 13
        assert most_within(DAY, users) <= 50
