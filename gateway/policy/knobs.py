"""Holds the numbers of Meta's rules that may change, each with a dated default."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Knobs:
    """What an operator may turn; units are in the names or are `timedelta`.

    Sources: LIM (11 Sep 2026) for the moving 24 hours; SEND (21 May 2026) for the service window;
    ABOUT (11 Sep 2026) for the pair rate; the two clocks of the per-number regime as described by
    help-centre copies until October 2025 (R§4.3).
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
    shadow: frozenset[str] = frozenset()
    """Rules whose objections are counted but not enforced."""
