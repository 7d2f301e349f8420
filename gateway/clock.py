"""Tells the time; the only place that asks for it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """Anything that tells the hour as an aware datetime in UTC."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this module is the one that asks


class SandboxClock:
    """A clock that runs at normal speed but can be moved ahead, never back.

    Listeners hear of every move, so that whatever is due fires at once.
    """

    def __init__(self, offset_s: float = 0.0) -> None:
        self._real = SystemClock()
        self._offset = timedelta(seconds=offset_s)
        self._listeners: list[Callable[[], None]] = []

    @property
    def offset_s(self) -> float:
        """Seconds this clock is ahead of the machine's."""
        return self._offset.total_seconds()

    def now(self) -> datetime:
        """Return the sandbox's present moment, aware, in UTC."""
        return self._real.now() + self._offset

    def advance(self, seconds: float) -> None:
        """Move ahead by `seconds`; a negative number raises ValueError."""
        if seconds < 0:
            raise ValueError("a clock does not go back")
        self._offset += timedelta(seconds=seconds)
        for listener in self._listeners:
            listener()

    def on_advance(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each move."""
        self._listeners.append(listener)


def http_date() -> str:
    """Return the machine's hour as HTTP writes it: `Wed, 25 Nov 2026 19:00:00 GMT`."""
    return _http_date(int(time.time()))  # noqa: TID251 - this module is the one that asks


@lru_cache(maxsize=1)  # asked for every message, and the same for a second
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)
