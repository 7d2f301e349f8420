from datetime import timedelta

import pytest

from gateway.policy.send_class import SendClass
from gateway.policy.shares import Share
from gateway.policy.slots import MICROSECOND, Leaving, Slots, Supply, Terms
from gateway.whatsapp.number import UNLIMITED, Regime
from tests.policy.making import DAY, HOUR, NOW

OWN = ("class:marketing", "app:shop")
HOUR_US = HOUR // MICROSECOND
DAY_US = DAY // MICROSECOND
SHARES = {"class:marketing": Share(cap=0.5), "app:crm": Share(reserve=0.2)}


def slots(*leaving: Leaving, **shares: Share) -> Slots:
    supply = Supply(Regime.PORTFOLIO, 10, 0.0, leaving, shares)
    made = Slots(supply, OWN, DAY)
    made.foresee(supply.leaving, NOW)
    return made


def rule(made: Slots, at: int, terms: Terms) -> tuple[int | None, str | None]:
    instant, hold = made.earliest(at, terms)
    return instant, hold.rule if hold else None


def test_a_slot_is_free_until_none_is_and_then_when_the_first_one_leaves() -> None:
    made = slots(Leaving(NOW + 2 * HOUR, 1), Leaving(NOW + HOUR, 7))
    terms = Terms(10, 9)
    assert rule(made, 5, terms) == (5, None)
    made.take(5)
    assert rule(made, 6, terms) == (HOUR_US, "messaging_limit")
    assert made.counted == 2


def test_what_was_taken_comes_free_a_window_later() -> None:
    made = slots()
    for at in (3, 4):
        made.take(at)
    assert rule(made, 5, Terms(2, 2)) == (DAY_US + 3, "messaging_limit")
    assert rule(made, DAY_US + 4, Terms(2, 2)) == (DAY_US + 4, None)
    assert made.counted == 0


def test_what_was_renewed_leaves_a_window_after_that() -> None:
    made = slots()
    made.count(("class:other", "app:crm"), 1)
    made.renew(7, ("class:other", "app:crm"))
    assert rule(made, 8, Terms(1, 1)) == (DAY_US + 7, "messaging_limit")


@pytest.mark.parametrize(
    ("holder", "waits"),
    [
        (SendClass.UTILITY, (0, None)),
        (SendClass.MARKETING, (HOUR_US, "share")),
    ],
)
def test_a_class_at_its_cap_waits_for_one_of_its_own(
    holder: SendClass, waits: tuple[int, str | None]
) -> None:
    def made() -> Slots:
        return slots(Leaving(NOW + HOUR, 5, holder), **{"class:marketing": Share(cap=0.5)})

    assert rule(made(), 0, Terms(10, 10)) == waits
    assert rule(made(), 0, Terms(10, 10, is_shared=False)) == (0, None)


def test_what_is_reserved_for_others_is_not_lent_however_empty_the_pool() -> None:
    made = slots(**SHARES)
    for at in range(5):
        made.take(at)
    instant, hold = made.earliest(5, Terms(10, 10))
    assert instant == DAY_US
    assert hold is not None
    assert "50%" in hold.sentence
    reserved = slots(Leaving(NOW + HOUR, 8), **{"app:crm": Share(reserve=0.2)})
    instant, hold = reserved.earliest(0, Terms(10, 10))
    assert instant == HOUR_US
    assert hold is not None
    assert hold.sentence == "Of the messaging limit of 10 users 2 are kept for others."


def test_without_a_limit_nothing_waits_and_without_a_slot_everything_does() -> None:
    assert rule(slots(), 9, Terms(UNLIMITED, UNLIMITED)) == (9, None)
    assert rule(slots(), 9, Terms(10, 0)) == (None, "messaging_limit")
    assert rule(slots(), 9, Terms(10, 0, is_limited=False, is_shared=False)) == (9, None)


def test_the_sentence_tells_the_limit_and_what_is_held_back() -> None:
    _, hold = slots().earliest(0, Terms(100, 0))
    assert hold is not None
    assert hold.sentence == (
        "The messaging limit of 100 users in 24 hours (100 held back) is used up; "
        "each slot frees 24 hours after it was taken."
    )


def test_who_left_before_now_does_not_count() -> None:
    made = slots(Leaving(NOW - timedelta(seconds=1), 10), Leaving(NOW, 3))
    assert rule(made, 0, Terms(1, 1)) == (0, None)


def test_a_part_that_is_no_binary_fraction_is_its_whole_number_of_slots() -> None:
    reserved = slots(Leaving(NOW + HOUR, 71), **{"app:crm": Share(reserve=0.29)})
    assert rule(reserved, 0, Terms(100, 100)) == (HOUR_US, "share")
    capped = slots(**{"class:marketing": Share(cap=0.29)})
    for at in range(28):
        capped.take(at)
    assert rule(capped, 28, Terms(100, 100)) == (28, None)
