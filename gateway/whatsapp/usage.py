"""Reads Meta's usage headers: how long to wait for more calls."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from gateway.whatsapp.json_fields import whole

ACCOUNT_USAGE: Final = "x-business-use-case-usage"
APP_USAGE: Final = "x-app-usage"
REGAIN: Final = "estimated_time_to_regain_access"
MOST_S: Final = 86_400.0
"""Usage is counted by the hour: more than a day is not meant."""
MINUTE_S: Final = 60.0


def regain_s(headers: Mapping[str, str], account_id: str) -> float | None:
    """Return the seconds until calls are allowed again, None where the headers name no time.

    The account's own entries count where there are any, else those of all; what cannot be read is
    passed over. Source: G-RATE and OAPI v23.0; Meta writes minutes (R§5.3).
    """
    longest = max((_wait_s(entry) for entry in _entries(headers, account_id)), default=0.0)
    return min(longest, MOST_S) or None


def _entries(headers: Mapping[str, str], account_id: str) -> Iterator[Any]:
    for name, text in headers.items():
        if name.lower() == APP_USAGE:
            yield _read(text)
        elif name.lower() == ACCOUNT_USAGE:
            usage = _read(text)
            lists = [usage[account_id]] if account_id in usage else usage.values()
            for entries in lists:
                yield from entries if isinstance(entries, list) else [entries]


def _read(text: str) -> dict[str, Any]:
    try:
        usage = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return usage if isinstance(usage, dict) else {}


def _wait_s(entry: object) -> float:
    minutes = whole(entry, REGAIN) if isinstance(entry, dict) else None
    return max(minutes or 0, 0) * MINUTE_S
