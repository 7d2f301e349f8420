"""Limits grow by themselves where quality allows it (R§2.2), and throughput with them (R§5.1)."""

import pytest

from gateway.emulator.history import Change
from gateway.emulator.life import lifecycle, scaling
from gateway.emulator.life.lived import DAY_S
from gateway.emulator.registry import Number
from gateway.emulator.state import State
from tests.emulator.conftest import FIRST, LONE, PORTFOLIO, state

NOW = state().now()


def reach(of: State, number: Number, users: int, now: float = NOW) -> None:
    for user in range(users):
        scaling.reached(of, number, f"346{user:08d}", now)


def looked(of: State, hours: int) -> None:
    for hour in range(hours + 1):
        scaling.look(of, NOW + hour * 3600.0)


@pytest.mark.parametrize(
    ("limit", "users", "higher"),
    [(2_000, 1_000, 10_000), (10_000, 5_000, 100_000), (100_000, 50_000, None)],
)
def test_half_the_limit_within_7_days_raises_a_portfolio_within_6_hours(
    limit: int, users: int, higher: int | None
) -> None:
    """Source: LIM, 8 May 2026 (R§2.2)."""
    of = state()
    number = of.registry.numbers[FIRST]
    of.registry.portfolio_limits[PORTFOLIO] = limit
    reach(of, number, users - 1)
    looked(of, 8)
    assert of.registry.limit_of(number) == limit
    reach(of, number, users)
    looked(of, 5)
    assert of.registry.limit_of(number) == limit
    looked(of, 6)
    assert of.registry.limit_of(number) == higher
    assert [each.new for each in of.history.of(PORTFOLIO, "messaging_limit")] == [higher]


def test_the_first_step_of_a_portfolio_takes_2000_users_within_30_days() -> None:
    """Source: LIM, 8 May 2026 (R§2.2)."""
    of = state()
    number = of.registry.numbers[FIRST]
    of.registry.portfolio_limits[PORTFOLIO] = 250
    reach(of, number, 1_999, NOW - 29 * DAY_S)
    looked(of, 8)
    assert of.registry.limit_of(number) == 250
    reach(of, number, 2_000)
    looked(of, 8)
    assert of.registry.limit_of(number) == 2_000


def test_a_verified_portfolio_takes_the_first_step_without_a_record() -> None:
    """Source: LIM, 8 May 2026 (R§2.2)."""
    of = state()
    of.registry.portfolio_limits[PORTFOLIO] = 250
    of.registry.verified.add(PORTFOLIO)
    looked(of, 6)
    assert of.registry.portfolio_limits[PORTFOLIO] == 2_000


def test_the_earlier_regime_had_other_steps_and_took_a_day() -> None:
    """Source: LIM-UP, 26 Oct 2025 (R§2.1, R§2.2)."""
    of = state()
    number = of.registry.numbers[LONE]
    number.own_limit = 250
    reach(of, number, 125)
    looked(of, 23)
    assert number.own_limit == 250
    looked(of, 24)
    assert number.own_limit == 1_000


def test_a_red_number_holds_back_its_whole_portfolio() -> None:
    """Source: LIM, 8 May 2026 (R§4.1)."""
    of = state()
    number = of.registry.numbers[FIRST]
    of.registry.portfolio_limits[PORTFOLIO] = 2_000
    reach(of, number, 1_500)
    looked(of, 5)
    number.quality_rating = "RED"
    looked(of, 8)
    number.quality_rating = "YELLOW"
    looked(of, 5)
    assert of.registry.limit_of(number) == 2_000
    looked(of, 6)
    assert of.registry.limit_of(number) == 10_000


def test_a_flagged_number_of_the_earlier_regime_does_not_grow() -> None:
    """Source: help-centre copies until Oct 2025 (R§4.3)."""
    of = state()
    number = of.registry.numbers[LONE]
    reach(of, number, 600)
    lifecycle.flag(of, number, NOW)
    looked(of, 30)
    assert number.own_limit == 1_000


def test_an_unlimited_number_that_reaches_100000_users_a_day_gets_1000_messages_a_second() -> None:
    """Source: THR, 17 Jun 2026 (R§5.1); while it is raised every call is refused, 131057."""
    of = state()
    number = of.registry.numbers[FIRST]
    of.registry.portfolio_limits[PORTFOLIO] = None
    reach(of, number, 99_999)
    scaling.look(of, NOW)
    assert number.throughput == 80
    reach(of, number, 100_000)
    scaling.look(of, NOW)
    assert number.throughput == 1_000
    assert number.maintenance_until == NOW + 60.0
    assert of.history.of(FIRST) == [Change(NOW, FIRST, "throughput", 80, 1_000)]
