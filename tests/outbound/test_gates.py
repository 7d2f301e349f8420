from datetime import timedelta

import pytest

from gateway.outbound.gates import FEW, LONGEST_SHUT, Gates
from gateway.store.outbox import Group
from tests.policy.making import INSTANT, NOW, NUMBER, POOL, SECOND_NUMBER, SECOND_POOL

GROUP = Group(NUMBER, 4, "shop", "")
OTHERS = [
    GROUP._replace(phone_number_id=SECOND_NUMBER),
    GROUP._replace(rank=0),
    GROUP._replace(app_id="bank"),
    GROUP._replace(topic="order_update/en_US"),
]
MOST = 100
SECOND = timedelta(seconds=1)


@pytest.fixture
def gates() -> Gates:
    return Gates()


def test_a_few_are_tried_where_nothing_is_known(gates: Gates) -> None:
    assert gates.width(GROUP, NOW, MOST) == FEW < MOST
    assert gates.width(GROUP, NOW, FEW - 1) == FEW - 1


def test_when_one_may_go_all_may(gates: Gates) -> None:
    gates.passed(GROUP, POOL, NOW)
    assert gates.width(GROUP, NOW, MOST) == MOST


def test_nothing_is_claimed_behind_a_gate_that_is_shut_and_a_few_when_its_hour_has_come(
    gates: Gates,
) -> None:
    gates.held(GROUP, POOL, NOW + SECOND, NOW)
    assert gates.width(GROUP, NOW + SECOND - INSTANT, MOST) == 0
    assert gates.width(GROUP, NOW + SECOND, MOST) == FEW
    gates.passed(GROUP, POOL, NOW + SECOND)
    assert gates.width(GROUP, NOW + SECOND, MOST) == MOST


@pytest.mark.parametrize("other", OTHERS)
def test_a_gate_holds_no_other_group(gates: Gates, other: Group) -> None:
    """Who waits for a template of its own waits apart."""
    gates.held(GROUP, POOL, NOW + SECOND, NOW)
    gates.passed(other, POOL, NOW)
    assert gates.width(GROUP, NOW, MOST) == 0
    assert gates.width(other, NOW, MOST) == MOST


def test_a_gate_is_looked_behind_before_a_far_hour_has_come(gates: Gates) -> None:
    gates.held(GROUP, POOL, NOW + timedelta(hours=24), NOW)
    assert gates.width(GROUP, NOW + LONGEST_SHUT - INSTANT, MOST) == 0
    assert gates.width(GROUP, NOW + LONGEST_SHUT, MOST) == FEW


def test_the_earliest_hour_that_was_named_counts(gates: Gates) -> None:
    for seconds in (9, 3, 6):
        gates.held(GROUP, POOL, NOW + seconds * SECOND, NOW)
    assert gates.width(GROUP, NOW + 3 * SECOND - INSTANT, MOST) == 0
    assert gates.width(GROUP, NOW + 3 * SECOND, MOST) == FEW


def test_an_hour_that_is_over_does_not_count_any_more(gates: Gates) -> None:
    gates.held(GROUP, POOL, NOW + SECOND, NOW)
    gates.held(GROUP, POOL, NOW + 9 * SECOND, NOW + SECOND)
    assert gates.width(GROUP, NOW + 9 * SECOND - INSTANT, MOST) == 0


def test_who_passes_does_not_open_a_gate_that_was_shut_meanwhile(gates: Gates) -> None:
    """The last of a batch may have taken the last slot."""
    gates.held(GROUP, POOL, NOW + SECOND, NOW)
    gates.passed(GROUP, POOL, NOW)
    assert gates.width(GROUP, NOW, MOST) == 0


def test_an_open_gate_is_shut(gates: Gates) -> None:
    gates.passed(GROUP, POOL, NOW)
    gates.held(GROUP, POOL, NOW + SECOND, NOW)
    assert gates.width(GROUP, NOW, MOST) == 0


@pytest.mark.parametrize(("lifted", "of_second"), [(POOL, 0), (None, FEW)])
def test_a_few_are_tried_at_once_when_something_about_the_pool_has_changed(
    gates: Gates, lifted: str | None, of_second: int
) -> None:
    elsewhere = GROUP._replace(phone_number_id=SECOND_NUMBER)
    gates.held(GROUP, POOL, NOW + SECOND, NOW)
    gates.held(elsewhere, SECOND_POOL, NOW + SECOND, NOW)
    gates.lift(None if lifted is None else POOL)
    assert gates.width(GROUP, NOW, MOST) == FEW
    assert gates.width(elsewhere, NOW, MOST) == of_second


def test_what_was_decided_before_a_change_can_be_told(gates: Gates) -> None:
    age = gates.age
    gates.held(GROUP, POOL, NOW + SECOND, NOW)
    assert gates.age == age
    gates.lift(POOL)
    assert gates.age > age


def test_gates_before_which_nobody_waits_are_forgotten(gates: Gates) -> None:
    for group in (GROUP, *OTHERS):
        gates.held(group, POOL, NOW + SECOND, NOW)
    gates.keep({GROUP})
    assert gates.width(GROUP, NOW, MOST) == 0
    assert [gates.width(other, NOW, MOST) for other in OTHERS] == [FEW] * len(OTHERS)
