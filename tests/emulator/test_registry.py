from gateway.emulator.registry import Restriction
from tests.emulator.conftest import FIRST, LONE, PORTFOLIO, SECOND, WABA, state


def test_pools_follow_the_regime() -> None:
    """Source: LIM, LIM-UP (R§2.1)."""
    numbers = state().registry.numbers
    assert numbers[FIRST].pool_id == numbers[SECOND].pool_id == PORTFOLIO
    assert numbers[LONE].pool_id == LONE


def test_limits_follow_the_regime() -> None:
    registry = state().registry
    assert registry.limit_of(registry.numbers[FIRST]) == 2
    assert registry.limit_of(registry.numbers[LONE]) == 1000
    assert registry.wabas_of_pool(PORTFOLIO) == [WABA]


def test_both_spellings_of_a_language_are_one() -> None:
    """Source: R§12.1 row 23."""
    registry = state().registry
    assert registry.template(WABA, "promo", "en-US") is registry.template(WABA, "promo", "en_US")
    assert registry.template(WABA, "promo", "es") is None


def test_a_removed_template_is_unknown() -> None:
    registry = state().registry
    registry.remove_template(registry.templates_by_id["600000000000001"])
    assert registry.template(WABA, "promo", "en_US") is None


def test_restrictions_expire() -> None:
    registry = state().registry
    registry.restrictions.append(Restriction(WABA, "X", 10.0))
    assert len(list(registry.restrictions_of(WABA, 9.9))) == 1
    assert list(registry.restrictions_of(WABA, 10.0)) == []
    assert list(registry.restrictions_of("other", 0.0)) == []
