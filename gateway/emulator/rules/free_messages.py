"""Counts which messages cost a business nothing: its first thousand replies, answers to its ads."""

from datetime import UTC, datetime

# Source: PRICE-NT, 1 Jul 2026 (R§10).
FREE_A_MONTH = 1000
# Source: PRICE, 11 Sep 2026 (R§3).
ANSWER_WITHIN_S = 24 * 3600.0
ENTRY_POINT_S = 72 * 3600.0

Pair = tuple[str, str]


class FreeTier:
    """The free service messages of each number in the present month, which is one of UTC.

    Meta counts what is delivered; here a message takes its place when it is accepted and not bound
    to fail, so that it is known at once what the message costs.
    """

    def __init__(self) -> None:
        self._used: dict[str, int] = {}
        self._ends_at = 0.0

    def has_room(self, phone_number_id: str, now: float) -> bool:
        """Whether one more service message is free."""
        return self._used_in_month_of(now).get(phone_number_id, 0) < FREE_A_MONTH

    def take(self, phone_number_id: str, now: float) -> None:
        """Count a free message."""
        used = self._used_in_month_of(now)
        used[phone_number_id] = used.get(phone_number_id, 0) + 1

    def _used_in_month_of(self, now: float) -> dict[str, int]:
        if now >= self._ends_at:
            self._used.clear()
            self._ends_at = _end_of_month(now)
        return self._used


class EntryPoints:
    """The conversations that users began by an ad.

    If the business answers within 24 hours, everything to that user is free for 72 hours from that
    answer (R§12.1 row 19).
    """

    def __init__(self) -> None:
        self._arrived: dict[Pair, float] = {}
        self._free_until: dict[Pair, float] = {}

    def arrive(self, pair: Pair, now: float) -> None:
        """Remember that a user came by an ad."""
        self._arrived[pair] = now

    def free_until(self, pair: Pair, now: float) -> float | None:
        """Tell until when a message sent now would be free, None if it would not be."""
        if not self._arrived:
            return None
        until = self._free_until.get(pair)
        if until is not None and now < until:
            return until
        arrived = self._arrived.get(pair)
        if arrived is None or now >= arrived + ANSWER_WITHIN_S:
            return None
        return now + ENTRY_POINT_S

    def answered(self, pair: Pair, until: float) -> None:
        """Note an answer, by which everything is free until then."""
        self._free_until[pair] = until
        self._arrived[pair] = 0.0


def _end_of_month(now: float) -> float:
    day = datetime.fromtimestamp(now, UTC)
    years, month = divmod(day.month, 12)
    return datetime(day.year + years, month + 1, 1, tzinfo=UTC).timestamp()
