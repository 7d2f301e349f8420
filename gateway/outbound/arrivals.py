"""Measures how many messages a second come, by class."""

import math
from typing import Final

from gateway.policy.send_class import SendClass

STEPS: Final = 100
"""Counts decay at most so often within their memory."""


class Arrivals:
    """Decaying counts; what came `memory_s` ago counts a third. `now` is the loop's time."""

    def __init__(self, memory_s: float) -> None:
        self._memory_s = memory_s
        self._counts = dict.fromkeys(SendClass, 0.0)
        self._at = 0.0

    def note(self, send_class: SendClass, now: float) -> None:
        """Count one."""
        if now - self._at > self._memory_s / STEPS:
            self._decay(now)
        self._counts[send_class] += 1.0

    def total(self, now: float) -> float:
        """Return the messages a second of all classes."""
        self._decay(now)
        return sum(self._counts.values()) / self._memory_s

    def before(self, send_class: SendClass, now: float) -> float:
        """Return the messages a second of the classes that go before."""
        self._decay(now)
        found = 0.0
        for each, count in self._counts.items():
            if each is send_class:
                break
            found += count
        return found / self._memory_s

    def _decay(self, now: float) -> None:
        part = math.exp((self._at - now) / self._memory_s)
        self._at = now
        for each in SendClass:
            self._counts[each] *= part
