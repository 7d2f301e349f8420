from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.knobs import Knobs
from gateway.policy.paces import Allowance, Phase
from gateway.policy.ramp import LONGEST_RAMP, allowance
from gateway.whatsapp.number import UNLIMITED
from tests.policy.making import DAY, INSTANT, NOW, changed, number

KNOBS = Knobs()


@pytest.mark.parametrize(
    ("limit", "usual_hour", "usual_10m", "users_hour", "sends_10m"),
    [
        (250, 0, 0, 100, 100),
        (1000, 0, 0, 250, 250),
        (1000, 83, 80, 250, 250),
        (1000, 84, 80, 252, 252),
        (1000, 200, 400, 600, 1200),
        (1000, 20, 400, 250, 1200),
        (UNLIMITED, 0, 0, UNLIMITED // 4, UNLIMITED // 4),
    ],
    ids=["floor", "part", "part wins", "growth wins", "both", "sends alone", "unlimited"],
)
def test_ordinarily_a_multiple_of_the_fullest_hour_with_a_floor(
    limit: int, usual_hour: int, usual_10m: int, users_hour: int, sends_10m: int
) -> None:
    usual = number(usual_users_hour=usual_hour, usual_sends_10m=usual_10m, usual_users_day=900)
    expected = Allowance(Phase.USUAL, users_hour, sends_10m, None)
    assert allowance(usual, limit, KNOBS, NOW) == expected


@pytest.mark.parametrize(
    ("day", "users_day"), [(0, 50), (1, 80), (2, 128), (3, 204), (4, 327), (5, 524), (6, 838)]
)
def test_a_new_number_warms_up_day_by_day(day: int, users_day: int) -> None:
    new = number(active_since=NOW)
    users_hour = users_day // 4 + 1
    expected = Allowance(Phase.WARM_UP, users_hour, users_hour, users_day)
    for at in (NOW + day * DAY, NOW + (day + 1) * DAY - INSTANT):
        assert allowance(new, 1000, KNOBS, at) == expected


def test_a_warm_up_ends_when_it_has_come_to_the_limit() -> None:
    new = number(active_since=NOW)
    phases = [allowance(new, 1000, KNOBS, NOW + day * DAY).phase for day in range(9)]
    assert phases == [Phase.WARM_UP] * 7 + [Phase.USUAL] * 2
    assert allowance(new, 250, KNOBS, NOW + 3 * DAY).phase is Phase.WARM_UP
    assert allowance(new, 250, KNOBS, NOW + 4 * DAY).phase is Phase.USUAL


@pytest.mark.parametrize(
    ("usual_day", "days"),
    [
        (1000, [200, 300, 450, 675, None]),
        (5000, [400, 600, 900, 1350, None]),  # the limit is all that it can climb to
        (10, [20, 30, 45, 67, None]),
    ],
)
def test_a_number_climbs_back_day_by_day(usual_day: int, days: list[int | None]) -> None:
    back = number(recovering_since=NOW, usual_users_day=usual_day)
    found = [allowance(back, 2000, KNOBS, NOW + day * DAY) for day in range(5)]
    assert [each.users_day for each in found] == days
    assert [each.phase for each in found] == [Phase.RECOVERY] * 4 + [Phase.USUAL]


def test_today_and_tomorrow_are_one_question() -> None:
    new = number(active_since=NOW - DAY)
    found = [allowance(new, 1000, KNOBS, NOW + day * DAY).users_day for day in (0, 1)]
    assert found == [80, 128]


def test_of_two_ramps_the_lower_holds() -> None:
    both = number(active_since=NOW, recovering_since=NOW, usual_users_day=1000)
    found = [allowance(both, 1000, KNOBS, NOW + day * DAY) for day in range(5)]
    assert [(each.phase, each.users_day) for each in found] == [
        (Phase.WARM_UP, 50),
        (Phase.WARM_UP, 80),
        (Phase.WARM_UP, 128),
        (Phase.WARM_UP, 204),
        (Phase.WARM_UP, 327),
    ]
    gentle = changed(both, recovering_since=NOW + 4 * DAY)
    fifth = allowance(gentle, 1000, KNOBS, NOW + 4 * DAY)
    assert (fifth.phase, fifth.users_day) == (Phase.RECOVERY, 200)


def test_a_ramp_is_no_reason_to_go_faster_than_usual() -> None:
    quiet = changed(KNOBS, activity_floor=0.0, activity_floor_users=10)
    slow = number(active_since=NOW - 5 * DAY, usual_users_hour=4)
    assert allowance(slow, 1000, quiet, NOW) == Allowance(Phase.WARM_UP, 12, 12, 524)


def test_a_ramp_that_never_grows_ends_all_the_same() -> None:
    still = changed(KNOBS, warm_up_growth=1.0)
    new = number(active_since=NOW)
    last = NOW + (LONGEST_RAMP - 1) * DAY
    assert allowance(new, 1000, still, last).phase is Phase.WARM_UP
    assert allowance(new, 1000, still, last + DAY).phase is Phase.USUAL


def test_an_hour_that_has_not_come_yet_is_the_first_day() -> None:
    assert allowance(number(active_since=NOW + DAY), 1000, KNOBS, NOW).users_day == 50


@given(
    st.integers(1, UNLIMITED),
    st.integers(0, 10_000),
    st.integers(0, 100),
    st.sampled_from(["active_since", "recovering_since"]),
    st.floats(1, 10),
)
def test_every_curve_grows_and_lets_somebody_through(
    limit: int, usual: int, day: int, since: str, growth: float
) -> None:
    knobs = changed(KNOBS, warm_up_growth=growth, recovery_growth=growth)
    held = number(**{since: NOW}, usual_users_day=usual, usual_users_hour=usual // 3)
    days = [allowance(held, limit, knobs, NOW + each * DAY) for each in (day, day + 1)]
    today, tomorrow = (each.users_day or UNLIMITED for each in days)
    assert 1 <= today <= tomorrow
    assert all(each.users_hour >= 1 and each.sends_10m >= 1 for each in days)
    ordinary = allowance(number(usual_users_hour=usual // 3), limit, knobs, NOW)
    assert all(each.users_hour <= ordinary.users_hour for each in days)
    ended = allowance(held, limit, knobs, NOW + timedelta(days=LONGEST_RAMP))
    assert ended == ordinary
