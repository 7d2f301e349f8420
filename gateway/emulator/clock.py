"""Tells the emulator the time, which may be hurried."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the emulator needs of a clock; an owner may inject one of its own."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        ...

    def advance(self, seconds: float) -> None:
        """Move the present forward by that many seconds."""
        ...


class EmulatorClock:
    """Real time plus whatever was added by `advance`."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return real UTC time plus the seconds added so far."""
        return datetime.now(UTC) + self._ahead  # noqa: TID251 - the emulator's own source of time

    def advance(self, seconds: float) -> None:
        """Move forward; negative seconds raise ValueError, since Meta's clock never turns back."""
        if seconds < 0:
            raise ValueError("a clock cannot be turned back")
        self._ahead += timedelta(seconds=seconds)


def iso(instant: float) -> str:
    """Write seconds since 1970 as ISO-8601 in UTC."""
    return datetime.fromtimestamp(instant, UTC).isoformat()


def iso_or_none(instant: float | None) -> str | None:
    """Write an instant that may be absent."""
    return None if instant is None else iso(instant)
