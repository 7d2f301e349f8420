"""Keeps a rate as a virtual schedule (GCRA): one instant of state, whatever the rate."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple, Self

PART_AT_ONCE: Final = 4
"""`within` lets a quarter of the limit through at once, the rest evenly over the period."""
INSTANT: Final = timedelta.resolution


class Gcra(NamedTuple):
    """`burst` at once, then one in each `interval`.

    The state is the theoretical arrival time (`tat`): when the last one taken would have been due
    if all had come evenly; None while nothing was taken.
    """

    interval: timedelta
    burst: int

    @classmethod
    @lru_cache(maxsize=4096)  # asked for every message, with the few limits that numbers have
    def within(cls, limit: int, period: timedelta) -> Self:
        """Return the schedule under which no stretch of `period` ever holds more than `limit`.

        `limit` is 1 or more. A stretch has both its ends: one interval more than the rest takes up
        does not fit into it, by an instant.
        """
        burst = max(limit // PART_AT_ONCE, 1)
        return cls(period // (limit - burst + 1) + INSTANT, burst)

    def fits_at(self, tat: datetime | None, now: datetime) -> datetime:
        """Return when the next one fits, `now` at the earliest."""
        if tat is None:
            return now
        return max(tat - (self.burst - 1) * self.interval, now)

    def refused(self, tat: datetime | None, until: datetime) -> datetime:
        """Return the state after the last one taken was refused, hence not counted, until then."""
        held = until + (self.burst - 1) * self.interval
        return held if tat is None else max(tat - self.interval, held)

    def taken(self, tat: datetime | None, at: datetime) -> datetime:
        """Return the state after one more at `at`.

        Who did not wait until it fitted has used up what was left, and owes nothing beyond that.
        """
        due = at if tat is None or tat < at else tat
        used_up = at + self.burst * self.interval
        return max(due, min(due + self.interval, used_up))
