import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.facts import UserFacts
from gateway.whatsapp.number import UNLIMITED
from tests.policy.making import DAY, INSTANT, KNOBS, NOW, pool

MARGIN = KNOBS.service_window_margin


@pytest.mark.parametrize(
    ("limit", "headroom", "allowance"),
    [
        (250, 0.05, 237),
        (1000, 0.05, 950),
        (250, 0.0, 250),
        (50, 0.05, 47),
        (1, 0.05, 0),
        (100_000, 0.05, 95_000),
        (UNLIMITED, 0.05, UNLIMITED),
    ],
)
def test_the_allowance_is_the_limit_less_the_headroom(
    limit: int, headroom: float, allowance: int
) -> None:
    assert pool(messaging_limit=limit, headroom=headroom).allowance == allowance


@given(st.integers(1, UNLIMITED - 1), st.floats(0, 0.99))
def test_the_allowance_is_never_above_the_limit(limit: int, headroom: float) -> None:
    assert 0 <= pool(messaging_limit=limit, headroom=headroom).allowance <= limit


def test_a_window_is_open_until_a_minute_before_it_shuts() -> None:
    user = UserFacts(last_inbound_at=NOW)
    shuts = NOW + DAY - MARGIN
    assert user.has_open_window(KNOBS, NOW)
    assert user.has_open_window(KNOBS, shuts - INSTANT)
    assert not user.has_open_window(KNOBS, shuts)


def test_who_never_wrote_has_no_open_window() -> None:
    assert not UserFacts().has_open_window(KNOBS, NOW)


def test_a_user_counts_until_exactly_a_day_after_the_last_send() -> None:
    user = UserFacts(reached_at=NOW)
    assert user.counts(KNOBS, NOW)
    assert user.counts(KNOBS, NOW + DAY - INSTANT)
    assert not user.counts(KNOBS, NOW + DAY)


def test_who_was_never_reached_does_not_count() -> None:
    assert not UserFacts().counts(KNOBS, NOW)
