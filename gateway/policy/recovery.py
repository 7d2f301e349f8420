"""Says since when a number climbs back: from the hour at which what had stopped it ended.

A stop is a RED rating, a flag, a restriction or ban that Meta imposed, or an account restriction on
starting conversations. That a number has used up its messaging limit is none: it happens every day
to a number that uses its limit, and nobody thinks the worse of it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from gateway.policy.facts import NumberFacts, RestrictionFacts
from gateway.whatsapp.number import NumberStatus, QualityRating
from gateway.whatsapp.restriction import blocks

PUNISHED: Final = frozenset({NumberStatus.BANNED, NumberStatus.FLAGGED})


def recovering(before: NumberFacts, after: NumberFacts, at: datetime) -> datetime | None:
    """Return since when a number recovers that was `before` and is `after`, as learnt `at`.

    Of several stops the one that ended last counts. One that ran out by itself ended at its own
    hour, however late that is noticed.
    """
    left = _stops(after)
    ended = [_end(until, at) for stop, until in _stops(before).items() if stop not in left]
    return _latest(after.recovering_since, *ended)


def released(
    since: datetime | None, ended: Iterable[RestrictionFacts], at: datetime
) -> datetime | None:
    """Return since when a number recovers whose account is rid of the restrictions that `ended`.

    `since` is what it was before. What forbade no more than one kind of message, or calls, changes
    nothing.
    """
    return _latest(since, *(_end(each.until, at) for each in ended if _stopped(each)))


def _stops(number: NumberFacts) -> dict[str, datetime | None]:
    """Return what stops a number, with the end that was announced."""
    stops: dict[str, datetime | None] = {}
    if number.status in PUNISHED:
        stops["status"] = None
    if number.quality_rating is QualityRating.RED:
        stops["rating"] = None
    if number.flagged_until is not None:
        stops["flag"] = number.flagged_until
    if number.restricted_by == "meta":
        stops["restriction"] = number.restricted_until
    return stops


def _stopped(restriction: RestrictionFacts) -> bool:
    return blocks(restriction.type, business_initiated=True, category=None, direct_send=False)


def _end(until: datetime | None, at: datetime) -> datetime:
    return at if until is None else min(until, at)


def _latest(*instants: datetime | None) -> datetime | None:
    return max((instant for instant in instants if instant is not None), default=None)
