"""Runs the two clocks of the per-number regime, so that a lost webhook changes nothing."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from gateway.policy.facts import NumberFacts, RestrictionFacts
from gateway.policy.knobs import Knobs
from gateway.policy.recovery import recovering, released
from gateway.whatsapp.number import NumberStatus, QualityRating, Regime, next_lower


class Standing(NamedTuple):
    """A number and the messaging limit it stands at."""

    number: NumberFacts
    messaging_limit: int


def advance(standing: Standing, regime: Regime, now: datetime) -> Standing:
    """Let what has run out by `now` take effect; asking twice changes nothing.

    RESTRICTED ends after its 24 hours. FLAGGED ends after 7 days: with the rating GREEN or YELLOW
    at the same limit, otherwise one level lower. Source: help-centre copies until October 2025
    (R§4.3); in the portfolio regime quality no longer lowers a limit (LIM-UP, 26 Oct 2025). What
    Meta had stopped recovers from the end of the stop.
    """
    number, limit = standing
    if number.restricted_until and number.restricted_until <= now:
        number = replace(number, restricted_until=None, restricted_by=None)
    if number.flagged_until and number.flagged_until <= now:
        if regime is Regime.PER_NUMBER and number.quality_rating not in RECOVERED:
            limit = next_lower(limit, regime)
        number = replace(number, flagged_until=None)
    if number is not standing.number:
        since = recovering(standing.number, number, now)
        number = replace(number, recovering_since=since)
    return Standing(number, limit)


def stand(
    standing: Standing, regime: Regime, restrictions: Iterable[RestrictionFacts], now: datetime
) -> Standing:
    """Let what has run out by `now` take effect, be it the number's or its account's."""
    number, limit = advance(standing, regime, now)
    ended = [each for each in restrictions if each.until is not None and each.until <= now]
    if ended:
        since = released(number.recovering_since, ended, now)
        number = replace(number, recovering_since=since)
    return Standing(number, limit)


def flag(number: NumberFacts, knobs: Knobs, at: datetime) -> NumberFacts:
    """Start the 7 days of a number whose rating fell to RED, unless they run already."""
    until = number.flagged_until or at + knobs.flagged_for
    return replace(number, flagged_until=until, quality_rating=QualityRating.RED)


def status(number: NumberFacts, now: datetime) -> NumberStatus:
    """Return the status an operator should see: RESTRICTED before FLAGGED before Meta's word."""
    if number.restricted_until and number.restricted_until > now:
        return NumberStatus.RESTRICTED
    if number.flagged_until and number.flagged_until > now:
        return NumberStatus.FLAGGED
    return number.status


RECOVERED = frozenset({QualityRating.GREEN, QualityRating.YELLOW})
