"""Remembers what people have lived through with businesses, and where businesses stand for it."""

from collections import Counter
from dataclasses import dataclass, field

from gateway.emulator.life.ratings import Ratings

DAY_S = 86_400.0


class Reach:
    """The unique users reached within a moving horizon of seconds."""

    def __init__(self, horizon_s: float) -> None:
        self._horizon_s = horizon_s
        self._users: dict[str, float] = {}

    def note(self, user: str, now: float) -> None:
        """Count a user from now on."""
        self._users.pop(user, None)
        self._users[user] = now

    def count(self, now: float) -> int:
        """How many were reached within the horizon."""
        while self._users:
            user, at = next(iter(self._users.items()))
            if at > now - self._horizon_s:
                break
            del self._users[user]
        return len(self._users)


@dataclass(slots=True)
class Growth:
    """What a pool has done for a higher limit; `since` is when it began to deserve one."""

    week: Reach = field(default_factory=lambda: Reach(7 * DAY_S))
    month: Reach = field(default_factory=lambda: Reach(30 * DAY_S))
    since: float | None = None


@dataclass(slots=True)
class Standing:
    """How far up the ladder of enforcement a WABA is.

    The next step is taken no earlier than `quiet_until`, for what happened since `judged_from`.
    """

    rung: int = 0
    judged_from: float = 0.0
    quiet_until: float = 0.0


@dataclass(slots=True)
class Acquaintance:
    """What one person has received from one number: `ever` in all, and each of the last 7 days."""

    ever: int = 0
    week: list[tuple[float, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class Lived:
    """The memory of a lived world; it stays empty in a still one.

    `complaints` counts blocks, reports and stops of marketing by number.
    """

    ratings: Ratings = field(default_factory=Ratings)
    acquaintances: dict[tuple[str, str], Acquaintance] = field(default_factory=dict)
    growth: dict[str, Growth] = field(default_factory=dict)
    reach_of_numbers: dict[str, Reach] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    complaints: dict[str, Counter[str]] = field(default_factory=dict)

    def growth_of(self, pool_id: str) -> Growth:
        """Find what a pool has done for a higher limit."""
        return self.growth.setdefault(pool_id, Growth())
