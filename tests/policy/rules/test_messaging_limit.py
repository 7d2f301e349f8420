from datetime import datetime

import pytest

from gateway.policy.facts import UserFacts
from gateway.policy.rules.messaging_limit import rule
from gateway.whatsapp.message import Message
from gateway.whatsapp.number import Regime
from gateway.whatsapp.recipient import RecipientKind
from tests.policy.making import DAY, HOUR, INSTANT, KNOBS, NOW, facts, number, pool, template, text

FULL = pool(counted=100)


@pytest.mark.parametrize(
    ("counted", "refused"), [(0, False), (99, False), (100, True), (101, True)]
)
def test_the_last_slot_is_given_and_no_slot_after_it(counted: int, refused: bool) -> None:  # noqa: FBT001
    objection = rule(template(), facts(pool=pool(counted=counted)), KNOBS, NOW)
    assert (objection is not None) is refused


def test_the_headroom_is_held_back() -> None:
    assert rule(template(), facts(pool=pool(counted=94, headroom=0.05)), KNOBS, NOW) is None
    objection = rule(template(), facts(pool=pool(counted=95, headroom=0.05)), KNOBS, NOW)
    assert objection is not None
    assert objection.code == 131048
    assert "100 users" in objection.details
    assert "95 counted, 5% held back" in objection.details


@pytest.mark.parametrize(
    ("reached_at", "counted", "refused"),
    [
        (NOW - DAY + INSTANT, 100, False),
        (NOW - DAY + INSTANT, 150, False),
        (NOW - DAY, 100, False),
        (NOW - DAY, 101, True),
        (None, 100, True),
    ],
    ids=["counts", "counts in an overfull pool", "its own aged row", "others' rows too", "new"],
)
def test_who_counts_costs_nothing_until_the_exact_end_of_the_day(
    reached_at: datetime | None,
    counted: int,
    refused: bool,  # noqa: FBT001 - a table
) -> None:
    known = facts(pool=pool(counted=counted), user=UserFacts(reached_at=reached_at))
    assert (rule(template(), known, KNOBS, NOW) is not None) is refused


@pytest.mark.parametrize(
    ("message", "window_open"),
    [(text(), True), (template(), True), (template(RecipientKind.GROUP), False)],
    ids=["reply", "template in a window", "group"],
)
def test_what_takes_no_slot_passes_a_full_pool(message: Message, window_open: bool) -> None:  # noqa: FBT001
    assert rule(message, facts(pool=FULL, window_open=window_open), KNOBS, NOW) is None


def test_the_hour_told_is_that_of_the_next_free_slot() -> None:
    known = facts(pool=pool(counted=100, next_slot_at=NOW + HOUR))
    objection = rule(template(), known, KNOBS, NOW)
    assert objection is not None
    assert objection.until == NOW + HOUR
    assert "2026-11-23 11:00:00 UTC" in objection.details


def test_a_pool_filled_just_now_frees_a_slot_in_a_day() -> None:
    objection = rule(template(), facts(pool=FULL), KNOBS, NOW)
    assert objection is not None
    assert objection.until == NOW + DAY


@pytest.mark.parametrize(
    ("regime", "until"), [(Regime.PER_NUMBER, NOW + 3 * HOUR), (Regime.PORTFOLIO, NOW + HOUR)]
)
def test_a_restricted_number_waits_for_the_end_of_that_too(regime: Regime, until: datetime) -> None:
    known = facts(
        pool=pool(counted=100, next_slot_at=NOW + HOUR, regime=regime),
        number=number(restricted_until=NOW + 3 * HOUR),
    )
    objection = rule(template(), known, KNOBS, NOW)
    assert objection is not None
    assert objection.until == until
