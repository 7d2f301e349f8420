"""Raises messaging limits and throughput by itself, as Meta's scaling job does.

Source: LIM, 8 May 2026; LIM-UP, 26 Oct 2025; THR, 17 Jun 2026 (R§2.2, R§5.1).
"""

from gateway.emulator.life import lifecycle
from gateway.emulator.life.lived import DAY_S, Reach
from gateway.emulator.registry import Number
from gateway.emulator.state import State

# The steps of each regime; the second one was 1,000 until October 2025.
LADDERS: dict[str, tuple[int | None, ...]] = {
    "portfolio": (250, 2_000, 10_000, 100_000, None),
    "per_number": (250, 1_000, 10_000, 100_000, None),
}
# How long a pool has to deserve it: Meta says within 6 h, and within 24 h until October 2025.
PATIENCE_S = {"portfolio": 6 * 3600.0, "per_number": DAY_S}
FIRST_STEP = 250
RECORD_OF_A_NEWCOMER = 2_000
HIGH_THROUGHPUT = 1_000
HIGH_THROUGHPUT_USERS = 100_000
MAINTENANCE_S = 60.0


def reached(state: State, number: Number, user: str, now: float) -> None:
    """Note that a message was delivered outside a service window."""
    growth = state.lived.growth_of(number.pool_id)
    growth.week.note(user, now)
    growth.month.note(user, now)
    if state.registry.limit_of(number) is None:
        state.lived.reach_of_numbers.setdefault(number.id, Reach(DAY_S)).note(user, now)


def look(state: State, now: float) -> None:
    """Raise what has deserved it for long enough; called every hour of a lived world."""
    pools: dict[str, list[Number]] = {}
    for number in state.registry.numbers.values():
        pools.setdefault(number.pool_id, []).append(number)
    for numbers in pools.values():
        _look_at_pool(state, numbers, now)
    for number in state.registry.numbers.values():
        _look_at_throughput(state, number, now)


def _look_at_pool(state: State, numbers: list[Number], now: float) -> None:
    number = numbers[0]
    growth = state.lived.growth_of(number.pool_id)
    limit = state.registry.limit_of(number)
    if limit is None or not all(_is_healthy(each) for each in numbers):
        growth.since = None
        return
    if not _has_earned(state, number, limit, now):
        growth.since = None
        return
    if growth.since is None:
        growth.since = now
    if now - growth.since >= PATIENCE_S[number.regime]:
        growth.since = None
        lifecycle.set_limit(state, number, higher_limit(number.regime, limit), now)


def higher_limit(regime: str, limit: int) -> int | None:
    """Give the next step above a limit; None is unlimited."""
    return next((step for step in LADDERS[regime] if step is None or step > limit), None)


def _is_healthy(number: Number) -> bool:
    """Whether quality allows growth: in the earlier regime the number must not be FLAGGED."""
    if number.quality_rating == "RED" or number.status == "BANNED":
        return False
    return number.regime == "portfolio" or number.flagged_until is None


def _has_earned(state: State, number: Number, limit: int, now: float) -> bool:
    growth = state.lived.growth_of(number.pool_id)
    if number.regime == "portfolio" and limit <= FIRST_STEP:
        is_verified = number.pool_id in state.registry.verified
        return is_verified or growth.month.count(now) >= RECORD_OF_A_NEWCOMER
    return 2 * growth.week.count(now) >= limit


def _look_at_throughput(state: State, number: Number, now: float) -> None:
    if state.registry.limit_of(number) is not None or number.is_on_biz_app:
        return
    reach = state.lived.reach_of_numbers.get(number.id)
    if number.throughput >= HIGH_THROUGHPUT or number.quality_rating == "RED" or reach is None:
        return
    if reach.count(now) >= HIGH_THROUGHPUT_USERS:
        number.maintenance_until = now + MAINTENANCE_S
        lifecycle.set_throughput(state, number, HIGH_THROUGHPUT, now)
