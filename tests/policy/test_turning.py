from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.decide import RULES
from gateway.policy.knobs import Knobs
from gateway.policy.turning import SECONDS, TURNABLE, shown, turned

KNOBS = Knobs()


def test_what_no_layer_names_stays() -> None:
    assert turned(KNOBS) == KNOBS
    assert turned(KNOBS, {}, {}) == KNOBS


def test_the_later_layer_is_laid_over_the_earlier() -> None:
    pool = {"activity_growth": 5.0, "warm_up_users": 10}
    number = {"activity_growth": 2.0}
    found = turned(KNOBS, pool, number)
    assert found == replace(KNOBS, activity_growth=2.0, warm_up_users=10)


def test_durations_are_written_in_seconds() -> None:
    found = turned(KNOBS, {"repetition_window_s": 90})
    assert found == replace(KNOBS, repetition_window=timedelta(seconds=90))


@pytest.mark.parametrize(
    ("layers", "shadow", "off"),
    [
        ([{"activity": "shadow"}], {"activity"}, set()),
        ([{"activity": "off"}], set(), {"activity"}),
        ([{"activity": "shadow", "share": "off"}], {"activity"}, {"share"}),
        ([{"activity": "shadow"}, {"activity": "enforce"}], set(), set()),
        ([{"activity": "shadow"}, {"activity": "off"}], set(), {"activity"}),
        ([{"activity": "shadow"}, {"share": "off"}], {"activity"}, {"share"}),
    ],
)
def test_each_rule_has_the_mode_that_was_named_last(
    layers: list[dict[str, str]], shadow: set[str], off: set[str]
) -> None:
    found = turned(KNOBS, *({"rules": layer} for layer in layers))
    assert found.shadow == shadow
    assert found.off == off


def test_what_is_in_shadow_already_stays_so_until_it_is_enforced() -> None:
    before = replace(KNOBS, shadow=frozenset({"activity"}), off=frozenset({"share"}))
    assert turned(before, {"rules": {"quality": "off"}}) == replace(
        before, off=frozenset({"share", "quality"})
    )
    enforced = {"rules": {"activity": "enforce", "share": "enforce"}}
    assert turned(before, enforced) == KNOBS


@pytest.mark.parametrize(
    "layer", [{"from_the_future": 1}, {"limit_window": 5}, {"shadow": ["share"]}, {"off": 1}]
)
def test_names_that_may_not_be_turned_are_passed_over(layer: dict[str, Any]) -> None:
    assert turned(KNOBS, layer) == KNOBS


def test_a_layer_is_not_changed_by_laying_it() -> None:
    layer = {"rules": {"activity": "off"}}
    turned(KNOBS, layer, {"rules": {"activity": "shadow"}})
    assert layer == {"rules": {"activity": "off"}}


def test_what_may_be_turned_is_a_knob_and_its_default_within_bounds() -> None:
    names = {field.name for field in fields(Knobs)}
    defaults = shown(KNOBS)
    for name, (least, most) in TURNABLE.items():
        assert name.removesuffix(SECONDS) in names
        assert least <= defaults[name] <= most


VALUES = st.fixed_dictionaries(
    {},
    optional={
        name: st.integers(int(least) + 1, int(most)) if most > 1 else st.floats(least, most)
        for name, (least, most) in TURNABLE.items()
    },
)
MODES = st.dictionaries(st.sampled_from(sorted(RULES)), st.sampled_from(["shadow", "off"]))


@given(VALUES, MODES)
def test_what_is_shown_turns_the_defaults_into_the_same(
    values: dict[str, float], modes: dict[str, str]
) -> None:
    found = turned(KNOBS, {**values, "rules": modes})
    assert shown(found) == {**shown(KNOBS), **values, "rules": modes}
    assert turned(KNOBS, shown(found)) == found
