"""Keeps a rate as a virtual schedule (GCRA): one instant of state, whatever the rate."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple, Self

PART_AT_ONCE: Final = 4
"""`within` lets a quarter of the limit through at once, the rest evenly over the period."""


class Gcra(NamedTuple):
    """`burst` at once, then one in each `interval`.

    The state is the theoretical arrival time (`tat`): when the last one taken would have been due
    if all had come evenly; None while nothing was taken.
    """

    interval: timedelta
    burst: int

    @classmethod
    def within(cls, limit: int, period: timedelta) -> Self:
        """Return the schedule under which no stretch of `period` ever holds more than `limit`."""
        burst = max(limit // PART_AT_ONCE, 1)
        return cls(period / max(limit - burst, 1), burst)

    def fits_at(self, tat: datetime | None, now: datetime) -> datetime:
        """Return when the next one fits, `now` at the earliest."""
        if tat is None:
            return now
        return max(tat - (self.burst - 1) * self.interval, now)

    def refused(self, tat: datetime | None, until: datetime) -> datetime:
        """Return the state after the last one taken was refused, hence not counted, until then."""
        held = until + (self.burst - 1) * self.interval
        return held if tat is None else max(tat - self.interval, held)

    def taken(self, tat: datetime | None, now: datetime) -> datetime:
        """Return the state after one more."""
        return (now if tat is None or tat < now else tat) + self.interval
