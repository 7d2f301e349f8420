"""Divides the messaging limit of a pool among classes and apps: what is kept, what is capped."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from gateway.policy.send_class import SendClass

ROUNDING: Final = 1e-6
"""Parts are decimal fractions, which binary ones only come near to."""

Holder = str
"""`class:marketing` or `app:shop`."""


class Share(NamedTuple):
    """Parts of the messaging limit: `reserve` is never lent, more than `cap` is never given."""

    reserve: float = 0.0
    cap: float = 1.0


DEFAULT: Final[Mapping[Holder, Share]] = {f"class:{SendClass.MARKETING}": Share(cap=0.8)}


class Obstacle(NamedTuple):
    """Why there is no room: the holder's own cap, or (None) what is kept for others."""

    capped: Holder | None
    sentence: str


@lru_cache(maxsize=4096)  # asked for every message, with the few apps there are
def holders_of(send_class: SendClass, app_id: str) -> tuple[Holder, Holder]:
    """Return on whose account a slot goes."""
    return f"class:{send_class}", f"app:{app_id}"


def slots_of(part: float, limit: int) -> int:
    """Return how many slots a part of the messaging limit is: 0.29 of 100 are 29."""
    return int(part * limit + ROUNDING)


def obstacle(
    shares: Mapping[Holder, Share],
    usage: Mapping[Holder, int],
    own: Collection[Holder],
    limits: tuple[int, int, int],
) -> Obstacle | None:
    """Say why one more slot is not to be had, None if it is.

    `limits` are the messaging limit, the allowance, and the slots counted before this one. What is
    reserved and unused is free for its holder alone; everything else is borrowed freely.
    """
    limit, allowance, counted = limits
    for holder in own:
        share = shares.get(holder)
        if share is not None and usage.get(holder, 0) >= slots_of(share.cap, limit):
            return Obstacle(holder, f"{holder} may use {share.cap:.0%} at the most")
    kept = kept_for_others(shares, usage, own, limit)
    # Where nothing is kept and all is taken, it is the messaging limit that objects.
    if kept and counted + kept >= allowance:
        return Obstacle(None, f"{kept} are kept for others")
    return None


def kept_for_others(
    shares: Mapping[Holder, Share], usage: Mapping[Holder, int], own: Collection[Holder], limit: int
) -> int:
    """Return how many slots the other holders have reserved and not used."""
    return sum(
        max(slots_of(share.reserve, limit) - usage.get(holder, 0), 0)
        for holder, share in shares.items()
        if holder not in own
    )
