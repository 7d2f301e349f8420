"""Moves numbers between CONNECTED, FLAGGED and RESTRICTED as quality and limits change."""

from gateway.emulator.history import Change
from gateway.emulator.registry import Number
from gateway.emulator.state import State
from gateway.emulator.webhooks import updates

DAY_S = 86_400.0
FLAG_S = 7 * DAY_S
# The ladder of the regime per_number. Source: LIM-UP, 26 Oct 2025 (R§2.1, R§4.3).
LADDER: tuple[int | None, ...] = (50, 250, 1000, 10_000, 100_000, None)
_RESTRICTABLE = frozenset({"CONNECTED", "FLAGGED"})
GOOD_RATINGS = frozenset({"GREEN", "YELLOW"})


def lower_limit(limit: int | None) -> int:
    """Give the next lower level of the ladder; 50 is the lowest."""
    finite = [level for level in LADDER if level is not None]
    below = [level for level in finite if limit is None or level < limit]
    return max(below, default=finite[0])


def become(state: State, number: Number, status: str, now: float, reason: str) -> None:
    """Give a number another status, and remember why."""
    state.history.note(Change(now, number.id, "status", number.status, status, reason))
    number.status = status


def count(state: State, number: Number, user: str, now: float) -> None:
    """Count a user whom a number has reached outside a service window (R§2.1)."""
    keeps_first = state.knobs.slot_anchor == "first"
    state.memory.ledger.reach(number.pool_id, user, now, keeps_first=keeps_first)
    user_was_counted(state, number, now)


def user_was_counted(state: State, number: Number, now: float) -> None:
    """Restrict a number whose own limit is used up: replies only for 24 h (R§4.3)."""
    if number.regime != "per_number" or number.own_limit is None:
        return
    if number.status not in _RESTRICTABLE:
        return
    if state.memory.ledger.count(number.pool_id, now) >= number.own_limit:
        restrict(state, number, now)


def restrict(state: State, number: Number, now: float) -> None:
    """Make a number RESTRICTED for 24 h."""
    until = now + DAY_S
    become(state, number, "RESTRICTED", now, "the messaging limit is used up")
    number.restricted_until = until

    def end(due: float) -> None:
        if number.restricted_until == until:
            number.restricted_until = None
            become(state, number, _status_without_restriction(number), due, "24 hours have passed")

    state.schedule.at(until, end)


def _status_without_restriction(number: Number) -> str:
    if number.status != "RESTRICTED":
        return number.status
    return "CONNECTED" if number.flagged_until is None else "FLAGGED"


def rate(state: State, number: Number, rating: str, now: float) -> None:
    """Set a number's quality rating; RED flags it and GREEN or YELLOW unflags it at once.

    Only in the regime per_number: since October 2025 numbers are not flagged any more (R§4.3).
    """
    old, number.quality_rating = number.quality_rating, rating
    state.history.note(Change(now, number.id, "quality_rating", old, rating))
    if number.regime != "per_number":
        return
    if rating == "RED" and number.flagged_until is None:
        flag(state, number, now)
    elif rating in GOOD_RATINGS and number.flagged_until is not None:
        unflag(state, number, now)


def flag(state: State, number: Number, now: float) -> None:
    """Flag a number; if it is still flagged after 7 days its limit falls by one level."""
    until = now + FLAG_S
    number.flagged_until = until
    if number.status == "CONNECTED":
        become(state, number, "FLAGGED", now, "the rating is RED")
    _tell_quality(state, number, "FLAGGED", now)

    def end(due: float) -> None:
        if number.flagged_until == until:
            _downgrade(state, number, due)

    state.schedule.at(until, end)


def unflag(state: State, number: Number, now: float) -> None:
    """Take the flag away; the limit stays."""
    number.flagged_until = None
    if number.status == "FLAGGED":
        become(state, number, "CONNECTED", now, "the rating has recovered")
    _tell_quality(state, number, "UNFLAGGED", now)


def _downgrade(state: State, number: Number, now: float) -> None:
    number.flagged_until = None
    if number.status == "FLAGGED":
        become(state, number, "CONNECTED", now, "7 days flagged, one level lower")
    set_limit(state, number, lower_limit(number.own_limit), now)


def set_limit(state: State, number: Number, limit: int | None, now: float) -> None:
    """Change the limit of a number, or of its portfolio in that regime, and tell the owner.

    The webhook is UPGRADE or DOWNGRADE for a number and business_capability_update for every WABA
    of a portfolio (R§6.3).
    """
    old = state.registry.limit_of(number)
    state.history.note(Change(now, number.pool_id, "messaging_limit", old, limit))
    if number.regime == "portfolio":
        state.registry.portfolio_limits[number.pool_id] = limit
        for waba_id in state.registry.wabas_of_pool(number.pool_id):
            form = state.knobs.capability_format
            state.sender.post(updates.business_capability(waba_id, limit, now, form))
        return
    number.own_limit = limit
    if old != limit:
        is_less = limit is not None and (old is None or limit < old)
        event = "DOWNGRADE" if is_less else "UPGRADE"
        state.sender.post(updates.number_quality(number, event, (old, limit), now))


def set_throughput(state: State, number: Number, level: int, now: float) -> None:
    """Change the messages per second; a rise is announced (THR, 17 Jun 2026, R§5.1)."""
    is_more = level > number.throughput
    state.history.note(Change(now, number.id, "throughput", number.throughput, level))
    number.throughput = level
    if is_more:
        _tell_quality(state, number, "THROUGHPUT_UPGRADE", now)


def set_status(state: State, number: Number, status: str, now: float) -> None:
    """Put a number into a status by hand, with the clock that belongs to it."""
    number.restricted_until = None
    if status == "CONNECTED" and number.flagged_until is not None:
        unflag(state, number, now)
    become(state, number, status, now, "set by hand")
    if status == "RESTRICTED":
        restrict(state, number, now)
    if status == "FLAGGED" and number.flagged_until is None:
        flag(state, number, now)


def _tell_quality(state: State, number: Number, event: str, now: float) -> None:
    limit = state.registry.limit_of(number)
    state.sender.post(updates.number_quality(number, event, (limit, limit), now))
