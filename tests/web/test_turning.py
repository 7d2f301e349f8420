from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from gateway.policy.decide import RULES
from gateway.policy.knobs import Knobs
from gateway.policy.turning import TURNABLE, shown, turned
from gateway.web.turning import (
    KnobsPatch,
    NumberPatch,
    PoolPatch,
    ReservesError,
    check_shares,
    laid_over,
)

MODES = ("enforce", "shadow", "off")


@pytest.mark.parametrize("name", TURNABLE)
def test_every_knob_is_taken_within_its_bounds_and_not_beyond(name: str) -> None:
    least, most = TURNABLE[name]
    for value in (least, most, None):
        assert KnobsPatch.model_validate({name: value}).given() == {name: value}
    wrong: list[Any] = [least - 1, most + 1, float("nan"), "many", [least]]
    for value in wrong:
        with pytest.raises(ValidationError):
            KnobsPatch.model_validate({name: value})


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_may_be_put_into_each_mode(rule: str) -> None:
    for mode in (*MODES, None):
        assert KnobsPatch.model_validate({"rules": {rule: mode}}).given() == {"rules": {rule: mode}}


def test_what_a_process_shows_may_be_turned_as_it_is() -> None:
    everything = shown(Knobs(shadow=frozenset(RULES)))
    given = KnobsPatch.model_validate(everything).given()
    assert given == everything
    assert turned(Knobs(), given) == Knobs(shadow=frozenset(RULES))


@pytest.mark.parametrize(
    ("model", "content", "where"),
    [
        (PoolPatch, {"knobs": {"colour": 1}}, "knobs.colour"),
        (PoolPatch, {"knobs": {"rules": {"colour": "off"}}}, "knobs.rules.colour"),
        (PoolPatch, {"knobs": {"rules": {"share": "of"}}}, "knobs.rules.share"),
        (PoolPatch, {"knobs": {"pair_capacity": 2.5}}, "knobs.pair_capacity"),
        (PoolPatch, {"shares": {"class:reply": {"cap": 1}}}, "shares.class:reply"),
        (PoolPatch, {"shares": {"class:advertising": {"cap": 1}}}, "shares.class:advertising"),
        (PoolPatch, {"shares": {"app:a b": {"cap": 1}}}, "shares.app:a b"),
        (PoolPatch, {"shares": {"app:shop\n": None}}, "shares.app:shop"),
        (PoolPatch, {"shares": {"app:shop": {"cap": 1.01}}}, "shares.app:shop.cap"),
        (PoolPatch, {"shares": {"app:shop": {"reserve": -0.1}}}, "shares.app:shop.reserve"),
        (PoolPatch, {"shares": {"app:shop": {"resreve": 0.1}}}, "shares.app:shop.resreve"),
        (PoolPatch, {"regime": None}, "regime"),
        (PoolPatch, {"headroom": 1}, "headroom"),
        (PoolPatch, {"messaging_limit": 0}, "messaging_limit"),
        (PoolPatch, {"limit": 7}, "limit"),
        (NumberPatch, {"throughput": 0}, "throughput"),
        (NumberPatch, {"display_phone_number": ""}, "display_phone_number"),
        (NumberPatch, {"shares": {}}, "shares"),
        (NumberPatch, {"knobs": {"activity_floor": 1.1}}, "knobs.activity_floor"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(
    model: type[BaseModel], content: dict[str, Any], where: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(content)
    (error,) = refused.value.errors()
    assert ".".join(map(str, error["loc"])).startswith(where)


def test_only_what_is_given_is_a_change() -> None:
    assert PoolPatch.model_validate({}).given() == {}
    assert NumberPatch.model_validate({}).given() == {}
    given = {"messaging_limit": None, "shares": {"app:shop": {"cap": 0.5}, "class:other": None}}
    assert PoolPatch.model_validate(given).given() == given


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ({}, {}, {}),
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"a": 2, "b": 3}, {"a": 2, "b": 3}),
        ({"a": 1, "b": 2}, {"a": None, "c": None}, {"b": 2}),
        ({"rules": {"x": "off"}}, {"rules": {"y": "off"}}, {"rules": {"x": "off", "y": "off"}}),
        ({"rules": {"x": "off"}}, {"rules": {"x": None}}, {}),
        ({"rules": {"x": "off"}, "a": 1}, {"rules": None}, {"a": 1}),
        ({"app:shop": {"cap": 0.5}}, {"app:shop": {"reserve": 0.1}}, "both"),
        ({}, {"app:shop": {}}, {}),
        ({"a": 1}, {"a": 0}, {"a": 0}),
    ],
)
def test_a_change_is_laid_over_what_was_there(
    before: dict[str, Any], change: dict[str, Any], after: Any
) -> None:
    kept = {"app:shop": {"cap": 0.5, "reserve": 0.1}} if after == "both" else after
    original = str(before)
    assert laid_over(before, change) == kept
    assert str(before) == original


def test_reserves_may_make_up_the_whole_of_classes_and_of_apps() -> None:
    tenths = {f"app:{number}": {"reserve": 0.1} for number in range(10)}
    check_shares(tenths | {"class:utility": {"reserve": 0.7}, "class:other": {"reserve": 0.3}})
    check_shares({"class:utility": {"reserve": 0.4, "cap": 0.4}})


@pytest.mark.parametrize(
    ("shares", "names"),
    [
        ({"app:a": {"reserve": 0.6}, "app:b": {"reserve": 0.41}}, "app:"),
        ({"class:utility": {"reserve": 0.6}, "class:other": {"reserve": 0.41}}, "class:"),
        ({"class:marketing": {"reserve": 0.5, "cap": 0.4}}, "shares.class:marketing"),
        ({"app:none": {"reserve": 0.1, "cap": 0.0}}, "shares.app:none"),
    ],
)
def test_more_than_there_is_cannot_be_reserved(shares: dict[str, Any], names: str) -> None:
    with pytest.raises(ReservesError, match=names):
        check_shares(shares)
