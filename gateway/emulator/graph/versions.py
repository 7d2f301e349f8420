"""Knows which versions of the Graph API are alive, and which one answers a request."""

import re
from datetime import UTC, datetime

_VERSION = re.compile(r"v(\d+)\.\d+")
# What an app is served that names no version. Source: G-VER (R§9).
OF_APP = "v25.0"
# The day on which each version ends. Source: G-VER (R§9).
_ENDS = {
    20: datetime(2026, 9, 24, tzinfo=UTC),
    21: datetime(2027, 1, 21, tzinfo=UTC),
    22: datetime(2027, 5, 20, tzinfo=UTC),
    23: datetime(2027, 10, 8, tzinfo=UTC),
    24: datetime(2028, 2, 18, tzinfo=UTC),
    25: datetime(2028, 7, 29, tzinfo=UTC),
}
_LATEST = 26


def is_version(part: str) -> bool:
    """Whether a part of a path names a version."""
    return _VERSION.fullmatch(part) is not None


def served(asked: str | None, now: float) -> str:
    """Give the version that answers: an ended one is replaced by the oldest alive (R§9)."""
    match = _VERSION.fullmatch(asked or OF_APP)
    if match is None:
        return OF_APP
    alive = (number for number, end in _ENDS.items() if end.timestamp() > now)
    return f"v{max(int(match[1]), min(alive, default=_LATEST))}.0"
