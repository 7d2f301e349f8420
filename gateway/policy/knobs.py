"""Holds the numbers of Meta's rules that may change, each with a dated default."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Knobs:
    """What an operator may turn; units are in the names or are `timedelta`.

    Sources: LIM (11 Sep 2026) for the moving 24 hours; SEND (21 May 2026) for the service window;
    ABOUT (11 Sep 2026) for the pair rate; the two clocks of the per-number regime as described by
    help-centre copies until October 2025 (R§4.3). What is ours, and so a matter of taste: the
    activity guard, its ramps, and repetition (R§11 asks for all three without naming numbers).
    """

    limit_window: timedelta = timedelta(hours=24)
    service_window: timedelta = timedelta(hours=24)
    service_window_margin: timedelta = timedelta(seconds=60)
    """Our clock and Meta's may differ: a window is taken as shut this much earlier."""
    pair_interval: timedelta = timedelta(seconds=6)
    pair_capacity: int = 30
    """Meta allows 45 in a burst; the rest is kept for what other systems send."""
    restricted_for: timedelta = timedelta(hours=24)
    flagged_for: timedelta = timedelta(days=7)
    quality_look: timedelta = timedelta(hours=1)
    """After this long a RED rating will have been read again."""
    spam_probe: timedelta = timedelta(minutes=10)
    """How long one probe after 131048 may take to arrive before another is let through."""
    activity_growth: float = 3.0
    """A number may start this many times what was usual in its fullest hour of the last 7 days."""
    activity_floor: float = 0.25
    """Part of the messaging limit that may be started in any hour, however little was usual."""
    activity_floor_users: int = 100
    """Users that may be started with in any hour, however small the limit."""
    warm_up_users: int = 50
    """New users on the first day of a new number; R§11 asks to grow gradually."""
    warm_up_growth: float = 1.6
    recovery_start: float = 0.2
    """Part of a usual day that a number may start on the first day after RED or a restriction."""
    recovery_growth: float = 1.5
    repetition_times: int = 5
    """The same content to the same user this often within `repetition_window`, not oftener."""
    repetition_window: timedelta = timedelta(minutes=10)
    repetition_users_hour: int = 1000
    """The same free-form text to this many users of a pool in an hour, not more."""
    shadow: frozenset[str] = frozenset()
    """Rules whose objections are counted but not enforced."""
    off: frozenset[str] = frozenset()
    """Rules whose objections are not even counted."""
