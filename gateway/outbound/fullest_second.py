"""Counts what arrives by the second, and tells the fullest of the last few."""

from collections import deque
from typing import Final

FEW_S: Final = 5


class FullestSecond:
    """The count of each of the last FEW_S seconds, the present one included."""

    def __init__(self) -> None:
        self._counts: deque[tuple[int, int]] = deque()

    def add(self, count: int, now_s: float) -> None:
        """Count something that has arrived at `now_s`, by a clock that does not go back."""
        second = int(now_s)
        if self._counts and self._counts[-1][0] == second:
            count += self._counts.pop()[1]
        self._counts.append((second, count))

    def most(self, now_s: float) -> int:
        """Return the count of the fullest second."""
        while self._counts and self._counts[0][0] <= int(now_s) - FEW_S:
            self._counts.popleft()
        return max((count for _, count in self._counts), default=0)
