"""A rating is made of complaints per delivery in the last 7 days (R§4.1)."""

from gateway.emulator.life.ratings import (
    FEWEST_DELIVERIES,
    HOUR_S,
    RED_AT,
    YELLOW_AT,
    Ratings,
    Record,
)

DAY_S = 24 * HOUR_S
MONDAY = 1_790_000_000.0 // HOUR_S * HOUR_S


def record(deliveries: int, complaints: float, at: float = MONDAY) -> Record:
    made = Record()
    for _ in range(deliveries):
        made.delivered(at)
    made.complained(complaints, at)
    return made


def test_thresholds_lie_between_the_colours() -> None:
    assert record(900, 0).rating(MONDAY, "GREEN") == "GREEN"
    assert record(900, 1000 * YELLOW_AT).rating(MONDAY, "GREEN") == "YELLOW"
    assert record(900, 1000 * RED_AT).rating(MONDAY, "GREEN") == "RED"


def test_one_complaint_does_not_ruin_a_new_number() -> None:
    assert record(FEWEST_DELIVERIES, 1.0).rating(MONDAY, "GREEN") == "GREEN"


def test_too_little_is_known_of_few_deliveries() -> None:
    assert record(FEWEST_DELIVERIES - 1, 20.0).rating(MONDAY, "UNKNOWN") == "UNKNOWN"
    assert record(FEWEST_DELIVERIES - 1, 20.0).rating(MONDAY, "RED") == "RED"
    assert Record().rating(MONDAY, "RED") == "GREEN"


def test_what_fell_must_be_well_above_the_threshold_to_rise() -> None:
    almost_red = record(900, 1000 * RED_AT * 0.9)
    assert almost_red.rating(MONDAY, "YELLOW") == "YELLOW"
    assert almost_red.rating(MONDAY, "RED") == "RED"


def test_an_old_complaint_counts_less_and_after_7_days_not_at_all() -> None:
    aging = record(900, 30.0)
    scores = []
    for day in range(8):
        for _ in range(900):
            aging.delivered(MONDAY + day * DAY_S)
        scores.append(aging.score(MONDAY + day * DAY_S))
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] == 0.0
    assert aging.deliveries(MONDAY + 7 * DAY_S) == 7 * 900


def test_a_score_can_begin_at_an_instant() -> None:
    changed = record(900, 90.0)
    for _ in range(900):
        changed.delivered(MONDAY + DAY_S)
    assert changed.score(MONDAY + DAY_S) > RED_AT
    assert changed.score(MONDAY + DAY_S, since=MONDAY + DAY_S) == 0.0
    assert changed.deliveries(MONDAY + DAY_S, since=MONDAY + DAY_S) == 900


def test_memory_is_bounded_over_the_years() -> None:
    old = Record()
    for day in range(0, 2000, 2):
        old.delivered(MONDAY + day * DAY_S)
    assert old.deliveries(MONDAY + 1998 * DAY_S) == 4
    assert len(old._hours) <= 2 * 7 * 24 + 1  # noqa: SLF001 - the bound itself


def test_forgetting_begins_anew_and_each_subject_has_its_own_record() -> None:
    ratings = Ratings()
    ratings.of("2").complained(5.0, MONDAY)
    assert ratings.of("3").score(MONDAY) == 0.0
    assert ratings.of("2").score(MONDAY) > 0.0
    ratings.of("2").forget()
    assert ratings.of("2").score(MONDAY) == 0.0
