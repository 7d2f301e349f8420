"""Remembers who was asked for a call, who was called, and which calls go on."""

from collections import defaultdict

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
REQUESTS_A_DAY = 1
REQUESTS_A_WEEK = 2
CALLS_A_DAY = 10
_PERMISSION_LASTS_S = WEEK_S

Pair = tuple[str, str]


class Calling:
    """The requests for permission and the connected calls of each number with each user.

    Meta leaves it to people whether they permit calls; here whoever is asked says yes at once, for
    7 days. Source: CALL, 13 Nov 2025 (R§1.9), 10 calls a day by R§12.1 row 27.
    """

    def __init__(self) -> None:
        self._requests: dict[Pair, list[float]] = defaultdict(list)
        self._calls: dict[Pair, list[float]] = defaultdict(list)
        self._permitted_until: dict[Pair, float] = {}
        self.ongoing: dict[str, str] = {}

    def note_request(self, pair: Pair, now: float) -> None:
        """Count a request for permission, which is granted."""
        self._requests[pair].append(now)
        self._permitted_until[pair] = now + _PERMISSION_LASTS_S

    def note_call(self, pair: Pair, now: float) -> None:
        """Count a connected call, after which one may ask afresh."""
        self._calls[pair].append(now)
        self._requests.pop(pair, None)

    def requests(self, pair: Pair, horizon_s: float, now: float) -> int:
        """How often the user was asked within the horizon and since the last connected call."""
        return sum(at > now - horizon_s for at in self._requests.get(pair, ()))

    def calls(self, pair: Pair, now: float) -> int:
        """How many calls were connected in the last 24 hours."""
        return sum(at > now - DAY_S for at in self._calls.get(pair, ()))

    def may_ask(self, pair: Pair, now: float) -> bool:
        """Whether one more request keeps to one a day and two a week."""
        is_first_today = self.requests(pair, DAY_S, now) < REQUESTS_A_DAY
        return is_first_today and self.requests(pair, WEEK_S, now) < REQUESTS_A_WEEK

    def permitted_until(self, pair: Pair, now: float) -> float | None:
        """When the user's permission ends; None without one."""
        until = self._permitted_until.get(pair)
        return until if until is not None and now < until else None
