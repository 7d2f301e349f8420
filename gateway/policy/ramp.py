"""Draws the curve of what a number may start: its usual volume, warm-up, recovery.

One mechanism with three curves. In an ordinary week the allowance is a multiple of what the number
has done in its fullest hour of the last 7 days, with a floor. A new number begins with few users a
day and grows by a factor a day; one that was restricted or rated RED climbs back the same way to
what used to be usual. Where the curves disagree, the lowest is kept.
"""

from datetime import datetime
from operator import itemgetter
from typing import Final

from gateway.policy.facts import NumberFacts
from gateway.policy.knobs import Knobs
from gateway.policy.paces import DAY, Allowance, Phase
from gateway.whatsapp.number import UNLIMITED

HOURS_OF_A_BUSY_DAY: Final = 4
"""A ramp's day may be used up in this many hours, not in one."""
LONGEST_RAMP: Final = 60  # days; whatever the knobs say, a ramp ends


def allowance(number: NumberFacts, limit: int, knobs: Knobs, now: datetime) -> Allowance:
    """Return what a number of a pool with this messaging limit may start at `now`."""
    floor = max(knobs.activity_floor_users, int(limit * knobs.activity_floor))
    users_hour = max(floor, int(number.usual_users_hour * knobs.activity_growth))
    ramps = _ramps(number, limit, knobs, now)
    if not ramps:
        # A user may be sent to more than once, and an hour's users all be reached in its beginning.
        sends = max(users_hour, int(number.usual_sends_10m * knobs.activity_growth))
        return Allowance(Phase.USUAL, users_hour, sends, None)
    phase, users_day = min(ramps, key=itemgetter(1))
    users_hour = min(users_day // HOURS_OF_A_BUSY_DAY + 1, users_hour)
    return Allowance(phase, users_hour, users_hour, users_day)


def _ramps(number: NumberFacts, limit: int, knobs: Knobs, now: datetime) -> list[tuple[Phase, int]]:
    """Return the new users of the day on each curve that has not ended."""
    found = []
    if number.active_since is not None:
        day = _days(number.active_since, now)
        users = _climb(knobs.warm_up_users, knobs.warm_up_growth, day)
        if users < limit and day < LONGEST_RAMP:
            found.append((Phase.WARM_UP, users))
    if number.recovering_since is not None:
        day = _days(number.recovering_since, now)
        usual = min(max(number.usual_users_day, knobs.activity_floor_users), limit)
        users = _climb(usual * knobs.recovery_start, knobs.recovery_growth, day)
        if users < usual and day < LONGEST_RAMP:
            found.append((Phase.RECOVERY, users))
    return found


def _days(since: datetime, now: datetime) -> int:
    return max((now - since) // DAY, 0)


def _climb(start: float, growth: float, day: int) -> int:
    return max(int(min(start * growth ** min(day, LONGEST_RAMP), UNLIMITED)), 1)
