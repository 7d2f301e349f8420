"""The words for a business number: its status, rating, health, messaging limit and throughput."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from gateway.whatsapp.meta_enum import MetaEnum

UNLIMITED: Final = 2_147_483_647
"""The messaging limit "unlimited", as a number that compares like one and fits an SQL integer."""

_TIER: Final = re.compile(r"(?:TIER_)?(\d{1,10})(K?)", re.ASCII)
_THROUGHPUT: Final = {"STANDARD": 80, "HIGH": 1000}
_COEXISTENCE: Final = 20


class NumberStatus(MetaEnum):
    """The `status` of a phone-number node. Source: OAPI v23.0, G-PHONE v23-v25 (R§4.2)."""

    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    PENDING = "PENDING"
    FLAGGED = "FLAGGED"
    RESTRICTED = "RESTRICTED"
    RATE_LIMITED = "RATE_LIMITED"
    BANNED = "BANNED"
    DELETED = "DELETED"
    MIGRATED = "MIGRATED"
    UNVERIFIED = "UNVERIFIED"
    LINKED = "LINKED"
    UNLINKED = "UNLINKED"
    UNKNOWN = "UNKNOWN"


class QualityRating(MetaEnum):
    """A number's rating of the last 7 days; `NA` is UNKNOWN. Source: SEND, 21 May 2026 (R§4.1)."""

    GREEN = "GREEN"
    YELLOW = "YELLOW"
    RED = "RED"
    UNKNOWN = "UNKNOWN"


class Regime(StrEnum):
    """Who shares a messaging limit; the portfolio since 7 Oct 2025. Source: LIM-UP (R§2.1)."""

    PER_NUMBER = "per_number"
    PORTFOLIO = "portfolio"


_LADDERS: Final = {
    Regime.PER_NUMBER: (50, 250, 1_000, 10_000, 100_000, UNLIMITED),
    Regime.PORTFOLIO: (250, 2_000, 10_000, 100_000, UNLIMITED),
}


def parse_limit(raw: object) -> int | None:
    """Read a messaging limit in any of Meta's spellings: users in a moving 24 h, None if unknown.

    Takes integers, numeric strings, `TIER_2K`, `UNLIMITED`, `TIER_UNLIMITED` and -1 (unlimited);
    `NOT_SET` and everything else is unknown. Source: W-CAP, 21 May 2026 (R§2.3).
    """
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        return None
    word = str(raw).strip().upper() if isinstance(raw, str) else str(raw)[:11]
    if word in {"-1", "UNLIMITED", "TIER_UNLIMITED"}:
        return UNLIMITED
    tier = _TIER.fullmatch(word)
    if tier is None:
        return None
    users = int(tier[1]) * (1_000 if tier[2] else 1)
    return min(users, UNLIMITED) or None


def next_lower(limit: int, regime: Regime) -> int:
    """Return the step of the regime's ladder below `limit`; the lowest step stays where it is.

    Source: LIM, 21 May 2026, and LIM-UP, 26 Oct 2025, for the ladder before (R§2.1, R§4.3).
    """
    return max((step for step in _LADDERS[regime] if step < limit), default=limit)


def throughput_of(node: Mapping[str, Any]) -> int | None:
    """Return a phone-number node's messages per second, None if it does not tell.

    A number that is in the WhatsApp Business app as well has 20, whatever its level. Source: THR,
    17 Jun 2026 (R§5.1).
    """
    if node.get("is_on_biz_app") is True:
        return _COEXISTENCE
    throughput = node.get("throughput")
    level = throughput.get("level") if isinstance(throughput, dict) else None
    return _THROUGHPUT.get(level.strip().upper()) if isinstance(level, str) else None
