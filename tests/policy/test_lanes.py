from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.policy.facts import RestrictionFacts, TemplateFacts
from gateway.policy.knobs import Knobs
from gateway.policy.lanes import Gate, Lane, Sender, gate
from gateway.policy.paces import Paces
from gateway.policy.slots import MICROSECOND, Supply
from gateway.whatsapp.number import NumberStatus, QualityRating, Regime
from gateway.whatsapp.restriction import RestrictionType
from gateway.whatsapp.template import TemplateStatus
from tests.policy.making import APPROVED, DAY, HOUR, INSTANT, KEY, MARKETING, NOW, number

PORTFOLIO = Supply(Regime.PORTFOLIO, 1000, 0.0)
PER_NUMBER = replace(PORTFOLIO, regime=Regime.PER_NUMBER)
ALL_BUSINESS = RestrictionType.RESTRICTED_BIZ_INITIATED_MESSAGING


def sender(**changes: Any) -> Sender:
    return replace(Sender(number(), 100, Knobs(), KEY, MARKETING), **changes)


def opened(**changes: Any) -> tuple[timedelta | None, str | None]:
    found = gate(sender(**changes), PER_NUMBER, NOW)
    at = None if found.opens_at is None else found.opens_at - NOW
    return at, found.hold.rule if found.hold else None


def paused(**changes: Any) -> TemplateFacts:
    return replace(MARKETING, status=TemplateStatus.PAUSED, **changes)


RED = number(quality_rating=QualityRating.RED)
FLAGGED = replace(RED, flagged_until=NOW + DAY)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (timedelta(0), None)),
        ({"number": number(restricted_until=NOW + HOUR)}, (HOUR, "restriction")),
        ({"number": number(restricted_until=NOW)}, (timedelta(0), None)),
        ({"number": number(spam_step=1, spam_until=NOW + HOUR)}, (HOUR, "spam_limit")),
        ({"number": FLAGGED}, (DAY, "quality")),
        ({"number": FLAGGED, "template": APPROVED}, (timedelta(0), None)),
        ({"number": RED}, (None, "quality")),
        ({"number": RED, "knobs": Knobs(shadow=frozenset({"quality"}))}, (timedelta(0), None)),
        ({"number": number(status=NumberStatus.BANNED)}, (None, "account")),
        ({"restrictions": (RestrictionFacts(ALL_BUSINESS, NOW + DAY),)}, (DAY, "restriction")),
        ({"restrictions": (RestrictionFacts(ALL_BUSINESS, None),)}, (None, "restriction")),
        ({"template": paused(paused_until=NOW + HOUR)}, (HOUR, "template")),
        ({"template": paused()}, (None, "template")),
        ({"template": None}, (timedelta(0), None)),
        ({"template": None, "templates_known": True}, (None, "template")),
        (
            {
                "number": number(restricted_until=NOW + HOUR),
                "template": paused(paused_until=NOW + DAY),
            },
            (DAY, "template"),
        ),
    ],
)
def test_a_number_opens_when_the_last_of_its_rules_lets_it(
    changes: dict[str, Any], expected: tuple[timedelta | None, str | None]
) -> None:
    assert opened(**changes) == expected


def lane(supply: Supply = PORTFOLIO, found: Gate | None = None, **changes: Any) -> Lane:
    made = sender(**changes)
    return Lane(made, supply, found or gate(made, supply, NOW), NOW)


def started(made: Lane, count: int, *, new_user: bool = True) -> list[tuple[timedelta, str]]:
    """Start so many as soon as they fit; returns when, and the rule each waited for."""
    done = []
    for _ in range(count):
        at = made.earliest(0, new_user=new_user)
        made.start(at, new_user=new_user)
        done.append((at * MICROSECOND, made.hold.rule))
    return done


def test_the_wire_takes_a_part_of_the_throughput() -> None:
    ten_ms = timedelta(microseconds=10_472)  # 1 s / 95.5, rounded up
    assert started(lane(), 3) == [(n * ten_ms, "throughput") for n in range(3)]


def test_a_quarter_of_the_allowance_goes_at_once_and_the_rest_evenly_over_the_hour() -> None:
    supply = replace(PORTFOLIO, messaging_limit=16)
    knobs = Knobs(activity_floor_users=8)
    instants = started(lane(supply, knobs=knobs), 9)
    assert {rule for _, rule in instants[:2]} == {"throughput"}
    assert {rule for _, rule in instants[2:]} == {"activity"}
    # The ninth is the first that an hour with both its ends does not hold any more.
    evenly = HOUR // 7 + INSTANT
    assert [at for at, _ in instants[2:]] == [n * evenly for n in range(1, 8)]
    ten = started(lane(supply, knobs=knobs), 9, new_user=False)
    assert ten[-1][0] == 7 * (timedelta(minutes=10) // 7 + INSTANT)


def test_what_the_number_has_started_before_counts() -> None:
    busy = Paces(NOW + 3 * HOUR, NOW + HOUR, None)
    at, rule = started(lane(paces=busy), 1)[0]
    assert (at > HOUR, rule) == (True, "activity")
    at, _ = started(lane(paces=busy), 1, new_user=False)[0]
    assert at < HOUR
    without = Knobs(off=frozenset({"activity"}))
    assert started(lane(paces=busy, knobs=without), 1) == [(timedelta(0), "throughput")]


def test_a_ramp_grows_at_the_instant_its_day_ends() -> None:
    # On its last day the ramp lets nothing more through; a minute later it is over.
    since = NOW - DAY + timedelta(minutes=1)
    full = Paces(None, None, NOW + 30 * DAY)
    young = number(active_since=since)
    knobs = Knobs(warm_up_users=50, warm_up_growth=10.0)
    supply = replace(PORTFOLIO, messaging_limit=400)
    grown = lane(supply, number=young, knobs=knobs, paces=full)
    assert grown.earliest(0, new_user=True) == timedelta(minutes=1) // MICROSECOND


@pytest.mark.parametrize(
    "changes",
    [
        {"restrictions": (RestrictionFacts(ALL_BUSINESS, NOW + HOUR),)},
        {"number": number(restricted_until=NOW + HOUR, restricted_by="meta")},
        {"number": FLAGGED},
    ],
)
def test_a_number_climbs_back_from_the_end_of_what_stopped_it(changes: dict[str, Any]) -> None:
    made = lane(knobs=Knobs(recovery_start=0.02, recovery_growth=10.0), **changes)
    ends_at = DAY if changes.get("number") is FLAGGED else HOUR
    # On the first day 2 users of the usual 100, on the second 20, of which 5 at once.
    first, second = started(made, 2)
    assert first[0] == ends_at
    assert second == (ends_at + DAY // 2 + INSTANT, "activity")
    assert "2 new users a day (recovery)" in made.hold.sentence


def test_a_day_is_forgotten_that_was_started_in_without_a_ramp() -> None:
    full = Paces(None, None, NOW + 30 * DAY)
    flagged = number(flagged_until=NOW + HOUR)
    knobs = Knobs(off=frozenset({"quality"}))
    made = lane(number=flagged, paces=full, knobs=knobs)
    assert started(made, 1) == [(timedelta(0), "throughput")]
    assert made.earliest(HOUR // MICROSECOND, new_user=True) == HOUR // MICROSECOND
    untouched = lane(number=flagged, paces=full, knobs=knobs)
    assert untouched.earliest(HOUR // MICROSECOND, new_user=True) > DAY // MICROSECOND


def test_a_flag_that_ends_unrecovered_costs_a_level() -> None:
    made = lane(PER_NUMBER, number=FLAGGED, template=APPROVED)
    assert made.terms.allowance == 1000
    made.earliest(DAY // MICROSECOND - 1, new_user=True)
    assert made.terms.allowance == 1000
    made.earliest(DAY // MICROSECOND, new_user=True)
    assert made.terms.allowance == 250


def test_a_restricted_number_opens_a_day_later() -> None:
    made = lane(PER_NUMBER)
    made.restrict(7)
    assert made.earliest(8, new_user=False) == DAY // MICROSECOND + 7
    assert made.hold.rule == "restriction"
    assert "RESTRICTED, replies only until 2026-11-24 10:00:00 UTC" in made.hold.sentence
    counting = lane(PER_NUMBER, knobs=Knobs(shadow=frozenset({"restriction"})))
    counting.restrict(7)
    assert counting.earliest(8, new_user=False) == 8


def test_rules_that_only_count_hold_back_no_slots() -> None:
    knobs = Knobs(shadow=frozenset({"share"}), off=frozenset({"messaging_limit"}))
    terms = lane(knobs=knobs).terms
    assert (terms.is_limited, terms.is_shared) == (False, False)
