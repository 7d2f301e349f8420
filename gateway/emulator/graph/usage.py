"""Counts the calls of governance of each app and account, and says how much of them is used up."""

import math
from collections import deque
from collections.abc import Mapping

import orjson

from gateway.emulator.errors import Refusal

HOUR_S = 3600.0
# Source: ABOUT, 4 Aug 2026 and G-RATE (R§5.3).
ORDINARY_CAP = 200
ACTIVE_CAP = 5000
_TOO_MANY = 80008
_WABA_EDGES: Mapping[str, frozenset[str]] = {
    "": frozenset({"GET"}),
    "phone_numbers": frozenset({"GET"}),
    "assigned_users": frozenset({"GET", "POST", "DELETE"}),
    "message_templates": frozenset({"GET", "POST", "DELETE"}),
    "subscribed_apps": frozenset({"GET", "POST", "DELETE"}),
}
_NUMBER_EDGES: Mapping[str, frozenset[str]] = {
    "": frozenset({"GET"}),
    "message_history": frozenset({"GET"}),
}


def is_governance(method: str, edge: str, *, of_number: bool) -> bool:
    """Whether a call under a number or an account is one of those that are capped (R§5.3)."""
    return method in (_NUMBER_EDGES if of_number else _WABA_EDGES).get(edge, ())


class Usage:
    """The calls of the last hour by account; the world has one app only.

    A call beyond the cap is counted like any other, so that who goes on calling is let in later.
    Source: G-RATE (R§5.3).
    """

    def __init__(self) -> None:
        self._calls: dict[str, deque[float]] = {}

    def note(self, waba_id: str, cap: int, now: float) -> Refusal | None:
        """Count a call; a Refusal of code 80008 when the hour's calls are used up."""
        calls = self._recent(waba_id, now)
        is_full = len(calls) >= cap
        calls.append(now)
        if not is_full:
            return None
        wait = self._minutes_left(waba_id, cap, now)
        title = "There have been too many calls to this WhatsApp Business account"
        text = f"(#{_TOO_MANY}) {title}. Wait {wait} minutes and try again."
        return Refusal(_TOO_MANY, text, message=text)

    def headers(self, waba_id: str, cap: int, now: float) -> dict[str, str]:
        """Write the two headers of usage: whole percentages of the hour, minutes to wait (R§5.3).

        Meta's measures of time are not published; these are made-up shares of the calls. What an
        app may call in all is unpublished too; here it is what its account may.
        """
        percent = min(len(self._recent(waba_id, now)) * 100 // cap, 100)
        used = {"call_count": percent, "total_cputime": percent // 4, "total_time": percent // 3}
        wait = self._minutes_left(waba_id, cap, now)
        case = {"type": "whatsapp_business_management"} | used
        return {
            "X-App-Usage": orjson.dumps(used).decode(),
            "X-Business-Use-Case-Usage": orjson.dumps(
                {waba_id: [case | {"estimated_time_to_regain_access": wait}]}
            ).decode(),
        }

    def _recent(self, waba_id: str, now: float) -> deque[float]:
        # No more than the larger cap are ever looked at.
        calls = self._calls.setdefault(waba_id, deque(maxlen=ACTIVE_CAP))
        while calls and calls[0] <= now - HOUR_S:
            calls.popleft()
        return calls

    def _minutes_left(self, waba_id: str, cap: int, now: float) -> int:
        """Minutes until fewer calls than the cap are in the hour."""
        calls = self._recent(waba_id, now)
        if len(calls) < cap:
            return 0
        return math.ceil((calls[len(calls) - cap] + HOUR_S - now) / 60)
