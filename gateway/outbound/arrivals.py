"""Measures how many messages a second come, by class."""

import math
from typing import Final

from gateway.policy.send_class import SendClass

MEMORY_S: Final = 2.0
"""What came so long ago counts a third."""


class Arrivals:
    """Decaying counts; `now` is the loop's time in seconds."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(SendClass, 0.0)
        self._at = 0.0

    def note(self, send_class: SendClass, now: float) -> None:
        """Count one."""
        if now - self._at > MEMORY_S / 100:
            self._decay(now)
        self._counts[send_class] += 1.0

    def total(self, now: float) -> float:
        """Return the messages a second of all classes."""
        self._decay(now)
        return sum(self._counts.values()) / MEMORY_S

    def before(self, send_class: SendClass, now: float) -> float:
        """Return the messages a second of the classes that go before."""
        self._decay(now)
        found = 0.0
        for each, count in self._counts.items():
            if each is send_class:
                break
            found += count
        return found / MEMORY_S

    def _decay(self, now: float) -> None:
        part = math.exp((self._at - now) / MEMORY_S)
        self._at = now
        for each in SendClass:
            self._counts[each] *= part
