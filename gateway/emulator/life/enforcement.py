"""Climbs Meta's ladder of policy enforcement against a business that does not stop.

Source: POL, 4 Nov 2025 (R§6.1): a warning; 1 and 3 days without templates; 5, 7 and 30 days without
any message; disabled. What makes Meta take a step is not published. Here it is, at most once in 24
hours, complaints at twice the rate that makes a number RED, or a storm: most messages of a day had
to be refused although the sender could have known. Storms alone lead no further than a day without
templates, and a sender who stops is left alone.
"""

from itertools import takewhile

from gateway.emulator.history import Change
from gateway.emulator.life import lifecycle
from gateway.emulator.life.lived import DAY_S, Standing
from gateway.emulator.life.ratings import FEWEST_DELIVERIES, HOUR_S, RED_AT
from gateway.emulator.registry import Number, Restriction
from gateway.emulator.state import State
from gateway.emulator.webhooks import updates

TEMPLATES = "RESTRICTED_BIZ_INITIATED_MESSAGING"
REPLIES = "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"
# Days of each rung and what they forbid; a warning forbids nothing, and after the last one the
# account is disabled.
LADDER: tuple[tuple[int, tuple[str, ...]], ...] = (
    (0, ()),
    (1, (TEMPLATES,)),
    (3, (TEMPLATES,)),
    (5, (TEMPLATES, REPLIES)),
    (7, (TEMPLATES, REPLIES)),
    (30, (TEMPLATES, REPLIES)),
)
ENFORCED_AT = 2 * RED_AT
# So bad that a rung is passed over.
SEVERE_AT = 4 * RED_AT
_KNOWABLE = frozenset({"messaging_limit", "restriction", "template", "spam_limit"})
_STORM = 500
_STORMS_LEAD_TO = 2


def look(state: State, now: float) -> None:
    """Take the steps that are due; called every hour of a lived world."""
    storms = _storms(state, now)
    for waba_id in sorted({each.waba_id for each in state.registry.numbers.values()}):
        standing = state.lived.standings.setdefault(waba_id, Standing())
        if now < standing.quiet_until or standing.rung > len(LADDER):
            continue
        numbers = state.registry.numbers_of(waba_id)
        worst = max(_score(state, each, standing, now) for each in numbers)
        is_storming = any(each.id in storms for each in numbers)
        if worst >= ENFORCED_AT or (is_storming and standing.rung < _STORMS_LEAD_TO):
            climb(state, waba_id, 2 if worst >= SEVERE_AT else 1, now)


def _score(state: State, number: Number, standing: Standing, now: float) -> float:
    record = state.lived.ratings.of(number.id)
    if record.deliveries(now, standing.judged_from) < FEWEST_DELIVERIES:
        return 0.0
    return record.score(now, standing.judged_from)


def _storms(state: State, now: float) -> set[str]:
    """Find the numbers most of whose messages of the last day the sender could have spared."""
    refused: dict[str, int] = {}
    recent = takewhile(lambda each: each.at > now - DAY_S, reversed(state.journal.violations))
    for violation in recent:
        if violation.rule in _KNOWABLE:
            refused[violation.phone_number_id] = refused.get(violation.phone_number_id, 0) + 1
    ratings = state.lived.ratings
    delivered = {each: ratings.of(each).deliveries(now, now - DAY_S) for each in refused}
    return {each for each, count in refused.items() if count >= max(_STORM, delivered[each])}


def limit_spam(number: Number, now: float) -> None:
    """Stop for a day what a RED number starts, where numbers are flagged no more (R§2.4, R§4.3)."""
    is_due = number.quality_rating == "RED" and now >= number.spam_limited_until
    if number.regime == "portfolio" and is_due:
        number.spam_limited_until = now + DAY_S


def climb(state: State, waba_id: str, rungs: int, now: float) -> None:
    """Take a WABA up the ladder, and tell it."""
    standing = state.lived.standings.setdefault(waba_id, Standing())
    standing.rung += rungs
    if standing.rung > len(LADDER):
        _disable(state, waba_id, now)
        return
    days, forbidden = LADDER[standing.rung - 1]
    until = now + days * DAY_S
    standing.quiet_until = max(until, now + DAY_S)
    standing.judged_from = until + HOUR_S  # not for the hour that led to this step
    if not forbidden:
        state.sender.post(updates.account_violation(waba_id, "SCAM", now))
        state.history.note(Change(now, waba_id, "restriction", None, "warning"))
        return
    for kind in forbidden:
        state.registry.restrictions.append(Restriction(waba_id, kind, until))
        state.history.note(Change(now, waba_id, "restriction", None, kind, f"for {days} days"))
    state.sender.post(updates.account_restrictions(waba_id, forbidden, until, now))


def _disable(state: State, waba_id: str, now: float) -> None:
    state.sender.post(updates.account_disabled(waba_id, now))
    state.history.note(Change(now, waba_id, "restriction", None, "disabled"))
    for number in state.registry.numbers_of(waba_id):
        lifecycle.become(state, number, "BANNED", now, "the account was disabled")
