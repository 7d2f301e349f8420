"""Runs a coroutine in a time of its own, where waiting costs nothing."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
TICK_S = 1e-6
"""A turn of the loop takes this long: who waits for less than a float can tell must get there."""


class _Selector(selectors.SelectSelector):
    """Lets time pass instead of waiting for it."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing is ever going to happen")
        self.now += max(timeout, TICK_S)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = _Selector()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run `main` to its end in virtual time, which starts at 0."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)
