"""Who does not stop climbs Meta's ladder of enforcement (R§6.1)."""

import pytest

from gateway.emulator.journal import Violation
from gateway.emulator.life import enforcement
from gateway.emulator.life.enforcement import LADDER, REPLIES, TEMPLATES
from gateway.emulator.life.lived import DAY_S
from gateway.emulator.state import State
from tests.emulator.conftest import FIRST, LONE, WABA, state

NOW = state().now()


def complaints(of: State, rate: float, now: float, deliveries: int = 1000) -> None:
    record = of.lived.ratings.of(FIRST)
    for _ in range(deliveries):
        record.delivered(now)
    record.complained(rate * (deliveries + 100), now)


def forbidden(of: State, now: float) -> set[str]:
    return {each.restriction_type for each in of.registry.restrictions_of(WABA, now)}


def test_the_ladder_is_climbed_while_complaints_go_on() -> None:
    """Source: POL, 4 Nov 2025 (R§6.1)."""
    of = state()
    now, steps = NOW, []
    for _ in range(len(LADDER) + 1):
        complaints(of, 0.06, now)
        enforcement.look(of, now)
        steps.append(forbidden(of, now))
        now = max(of.lived.standings[WABA].quiet_until, now) + 3600.0
    assert steps == [set(), {TEMPLATES}, {TEMPLATES}, *[{TEMPLATES, REPLIES}] * 3, set()]
    assert {each.status for each in of.registry.numbers_of(WABA)} == {"BANNED"}
    said = [each.new for each in of.history.of(WABA, "restriction")]
    assert (said[0], said[-1]) == ("warning", "disabled")


def test_a_step_is_taken_at_most_once_a_day() -> None:
    of = state()
    for hour in range(24):
        complaints(of, 0.06, NOW + hour * 3600.0)
        enforcement.look(of, NOW + hour * 3600.0)
    assert of.lived.standings[WABA].rung == 1


def test_who_stops_is_left_alone() -> None:
    of = state()
    complaints(of, 0.06, NOW)
    for hour in range(30 * 24):
        enforcement.look(of, NOW + hour * 3600.0)
    assert of.lived.standings[WABA].rung == 1


def test_what_is_very_bad_passes_over_a_rung() -> None:
    """Source: POL, 4 Nov 2025: severe harm knows no ladder (R§6.1)."""
    of = state()
    complaints(of, 0.11, NOW)
    enforcement.look(of, NOW)
    assert forbidden(of, NOW) == {TEMPLATES}
    assert forbidden(of, NOW + DAY_S) == set()


def test_what_is_merely_red_is_not_enforced() -> None:
    of = state()
    complaints(of, 0.04, NOW)
    enforcement.look(of, NOW)
    assert of.lived.standings[WABA].rung == 0


@pytest.mark.parametrize(
    ("rule", "count", "rung"),
    [("messaging_limit", 600, 1), ("messaging_limit", 400, 0), ("recipient", 600, 0)],
)
def test_a_storm_of_knowable_refusals_is_a_step(rule: str, count: int, rung: int) -> None:
    of = state()
    for _ in range(count):
        of.journal.blame(Violation(NOW, LONE, "34600000001", rule, 131048, "", None))
    enforcement.look(of, NOW + 60.0)
    assert of.lived.standings[WABA].rung == rung


def test_a_storm_must_outweigh_what_was_delivered() -> None:
    of = state()
    record = of.lived.ratings.of(LONE)
    for _ in range(700):
        record.delivered(NOW)
    for _ in range(600):
        of.journal.blame(Violation(NOW, LONE, "3460", "restriction", 368, "", None))
    enforcement.look(of, NOW + 60.0)
    assert of.lived.standings[WABA].rung == 0


def test_a_red_number_may_start_nothing_for_a_day_where_none_is_flagged() -> None:
    """Source: ERR, 18 Jun 2026 (R§2.4, R§4.3)."""
    of = state()
    shared, lone = of.registry.numbers[FIRST], of.registry.numbers[LONE]
    for number in (shared, lone):
        enforcement.limit_spam(number, NOW)
        assert number.spam_limited_until == 0.0
        number.quality_rating = "RED"
        enforcement.limit_spam(number, NOW)
    assert (shared.spam_limited_until, lone.spam_limited_until) == (NOW + DAY_S, 0.0)
