from datetime import UTC, datetime

from gateway.emulator.rules.free_messages import (
    ANSWER_WITHIN_S,
    ENTRY_POINT_S,
    FREE_A_MONTH,
    EntryPoints,
    FreeTier,
)

PAIR = ("200000000000001", "34600000001")


def at(year: int, month: int, day: int) -> float:
    return datetime(year, month, day, tzinfo=UTC).timestamp()


def test_a_thousand_are_free_every_month_for_each_number() -> None:
    """Source: PRICE-NT, 1 Jul 2026 (R§10)."""
    tier = FreeTier()
    for _ in range(FREE_A_MONTH):
        assert tier.has_room("1", at(2026, 12, 5))
        tier.take("1", at(2026, 12, 5))
    assert not tier.has_room("1", at(2026, 12, 31))
    assert tier.has_room("2", at(2026, 12, 31))
    assert tier.has_room("1", at(2027, 1, 1))


def test_an_answer_to_an_ad_makes_72_hours_free() -> None:
    """Source: PRICE, 11 Sep 2026 (R§3)."""
    points = EntryPoints()
    points.arrive(PAIR, 0.0)
    until = points.free_until(PAIR, 100.0)
    assert until == 100.0 + ENTRY_POINT_S
    points.answered(PAIR, until)
    assert points.free_until(PAIR, until - 1) == until
    assert points.free_until(PAIR, until) is None


def test_whoever_answers_an_ad_too_late_pays() -> None:
    """Source: PRICE, 11 Sep 2026 (R§3)."""
    points = EntryPoints()
    points.arrive(PAIR, 0.0)
    assert points.free_until(PAIR, ANSWER_WITHIN_S - 1) is not None
    assert points.free_until(PAIR, ANSWER_WITHIN_S) is None
    assert points.free_until(("another", PAIR[1]), 1.0) is None


def test_a_second_answer_does_not_make_it_longer() -> None:
    """Source: PRICE, 11 Sep 2026 (R§3): from that answer."""
    points = EntryPoints()
    points.arrive(PAIR, 0.0)
    points.answered(PAIR, ENTRY_POINT_S)
    assert points.free_until(PAIR, 50.0) == ENTRY_POINT_S
    assert points.free_until(PAIR, ENTRY_POINT_S + 1) is None
