"""How annoyed people are follows from Meta's own advice to businesses (R§4.1, R§11)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.emulator.life.temper import (
    LARGEST_CHANCE,
    Experience,
    Temper,
    annoyance,
    chance_of_complaint,
    delay_s,
    draw,
    reaction,
    temper_of,
)

CALM = Temper(has_opted_in=True, irritability=1.0, patience=4.0)
OFFER = Experience("marketing", appeal=0.8, heard=0, repeats=0)
PHONES = [f"346{number:08d}" for number in range(2000)]


def test_a_good_promotion_to_who_asked_for_it_hardly_annoys() -> None:
    assert annoyance(CALM, OFFER) == pytest.approx(0.2)
    assert chance_of_complaint(CALM, OFFER, 1.0) == pytest.approx(0.002)


@pytest.mark.parametrize(
    "worse",
    [
        replace(OFFER, heard=4),
        replace(OFFER, repeats=1),
        replace(OFFER, appeal=0.2),
    ],
    ids=["too many", "repeated", "irrelevant"],
)
def test_what_meta_advises_against_annoys_more(worse: Experience) -> None:
    assert annoyance(CALM, worse) >= 2 * annoyance(CALM, OFFER)


def test_what_nobody_asked_for_annoys_three_times_as_much() -> None:
    stranger = replace(CALM, has_opted_in=False)
    assert annoyance(stranger, OFFER) == pytest.approx(3 * annoyance(CALM, OFFER))


def test_an_order_update_annoys_less_and_a_code_hardly_at_all() -> None:
    by_category = [
        annoyance(CALM, replace(OFFER, category=category))
        for category in ("marketing", "utility", "authentication", "service")
    ]
    assert by_category == sorted(by_category, reverse=True)
    assert by_category[-1] == 0.0


@given(st.integers(0, 100), st.integers(0, 100), st.floats(0.0, 10.0, allow_nan=False))
def test_a_chance_is_never_more_than_a_half(heard: int, repeats: int, irritability: float) -> None:
    worst = Experience("marketing", appeal=0.0, heard=heard, repeats=repeats)
    assert 0.0 <= chance_of_complaint(CALM, worst, irritability) <= LARGEST_CHANCE


def test_a_person_has_one_temper_and_people_differ() -> None:
    tempers = [temper_of(7, phone, 0.8) for phone in PHONES]
    assert tempers == [temper_of(7, phone, 0.8) for phone in PHONES]
    assert tempers != [temper_of(8, phone, 0.8) for phone in PHONES]
    share = sum(each.has_opted_in for each in tempers) / len(PHONES)
    assert share == pytest.approx(0.8, abs=0.03)
    mean = sum(each.irritability for each in tempers) / len(PHONES)
    assert mean == pytest.approx(1.0, abs=0.1)


def test_draws_are_spread_from_0_to_1() -> None:
    drawn = [number for phone in PHONES for number in draw("any", phone)]
    assert 0.0 <= min(drawn) < 0.01
    assert 0.99 < max(drawn) < 1.0


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        ((0.05, 0.2, 0.0), "block"),
        ((0.05, 0.6, 0.0), "report"),
        ((0.05, 0.9, 0.0), "stop"),
        ((0.5, 0.2, 0.0), None),
        ((0.98, 0.2, 0.0), "answer"),
    ],
)
def test_a_reaction_is_drawn(drawn: tuple[float, float, float], expected: str | None) -> None:
    assert reaction(0.1, 0.05, drawn) == expected


def test_people_react_within_four_hours_and_mostly_soon() -> None:
    delays = [delay_s(draw("delay", phone)) for phone in PHONES]
    assert min(delays) >= 30.0
    assert max(delays) <= 4 * 3600.0
    assert sorted(delays)[len(delays) // 2] < 3700.0
