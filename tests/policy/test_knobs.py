from dataclasses import FrozenInstanceError
from datetime import timedelta

import pytest

from gateway.policy.knobs import Knobs


def test_the_defaults_are_metas_numbers_or_stricter() -> None:
    knobs = Knobs()
    assert knobs.limit_window == timedelta(hours=24)
    assert knobs.service_window == timedelta(hours=24)
    assert timedelta(0) < knobs.service_window_margin < timedelta(minutes=5)
    assert knobs.pair_interval == timedelta(seconds=6)
    assert 1 <= knobs.pair_capacity <= 45
    assert knobs.restricted_for == timedelta(hours=24)
    assert knobs.flagged_for == timedelta(days=7)


def test_no_rule_is_in_shadow_unless_an_operator_says_so() -> None:
    assert Knobs().shadow == frozenset()


def test_nobody_turns_a_knob_while_it_is_in_use() -> None:
    with pytest.raises(FrozenInstanceError):
        Knobs().pair_capacity = 45  # type: ignore[misc]
