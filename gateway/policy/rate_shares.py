"""Stub."""

from typing import Final, NamedTuple

USED: Final = 0.955
CREDIT_S: Final = 0.01


class Grant(NamedTuple):
    """What a process may send: a bucket of `burst` that refills at `rate` a second."""

    rate: float
    burst: float


def alone(level: int) -> Grant:
    """Return what the only process of a number may send."""
    rate = level * USED
    return Grant(rate, 1 + rate * CREDIT_S)
