"""Measures how fast a number sends, as a whole and to each single user."""

from collections import deque

SECOND = 1.0
PAIR_INTERVAL_S = 6.0
PAIR_BURST = 45
_PAIR_TOLERANCE_S = PAIR_INTERVAL_S * (PAIR_BURST - 1)
_PRUNE_EVERY = 100_000


class Throughput:
    """Messages of a number, in and out, within the last second.

    Source: THR, 17 Jun 2026 (R§5.1); the shape of the window is undocumented, here it slides.
    """

    def __init__(self) -> None:
        self._seen: dict[str, deque[float]] = {}

    def is_full(self, phone_number_id: str, level: int, now: float) -> bool:
        """Whether one more message would exceed `level` messages in one second."""
        seen = self._seen.get(phone_number_id)
        if seen is None:
            return level == 0
        while seen and seen[0] <= now - SECOND:
            seen.popleft()
        return len(seen) >= level

    def note(self, phone_number_id: str, now: float) -> None:
        """Count one message."""
        seen = self._seen.get(phone_number_id)
        if seen is None:
            seen = self._seen[phone_number_id] = deque()
        seen.append(now)


class PairRate:
    """One message per 6 s from a number to a user, 45 of them in advance.

    A generic cell rate algorithm: `due` is when the account with that user is balanced again.
    Source: ABOUT, 4 Aug 2026 (R§5.2).
    """

    def __init__(self) -> None:
        self._due: dict[tuple[str, str], float] = {}
        self._until_prune = _PRUNE_EVERY

    def is_full(self, phone_number_id: str, user: str, now: float) -> bool:
        """Whether one more message to this user would be too early."""
        due = self._due.get((phone_number_id, user), now)
        return due - now > _PAIR_TOLERANCE_S

    def note(self, phone_number_id: str, user: str, now: float) -> None:
        """Count one message."""
        pair = (phone_number_id, user)
        self._due[pair] = max(self._due.get(pair, now), now) + PAIR_INTERVAL_S
        self._until_prune -= 1
        if self._until_prune == 0:
            self._until_prune = _PRUNE_EVERY
            self._due = {pair: due for pair, due in self._due.items() if due > now}
