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
    """Time that begins at `start` (None: now) and passes `speed` times as fast as real time.

    With speed 0 it stands still and is moved by `advance` alone, which makes every run of the same
    calls alike to the microsecond.
    """

    def __init__(self, start: datetime | None = None, speed: float = 1.0) -> None:
        self.begin(start, speed)

    def begin(self, start: datetime | None, speed: float) -> None:
        """Begin anew; the only way in which the clock may be turned back."""
        self.speed = speed
        self._began = _real_now()
        self._ahead = timedelta() if start is None else start.astimezone(UTC) - self._began

    def now(self) -> datetime:
        """Return the emulated UTC time, with the seconds added so far."""
        real = _real_now()
        if self.speed != 1.0:
            real = self._began + (real - self._began) * self.speed
        return real + self._ahead

    def advance(self, seconds: float) -> None:
        """Move forward; negative seconds raise ValueError, since Meta's clock never turns back."""
        if seconds < 0:
            raise ValueError("a clock cannot be turned back")
        self._ahead += timedelta(seconds=seconds)


def _real_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the emulator's own source of time


def iso(instant: float) -> str:
    """Write seconds since 1970 as ISO-8601 in UTC."""
    return datetime.fromtimestamp(instant, UTC).isoformat()


def iso_or_none(instant: float | None) -> str | None:
    """Write an instant that may be absent."""
    return None if instant is None else iso(instant)
