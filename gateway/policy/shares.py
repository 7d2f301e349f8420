"""Divides the messaging limit of a pool among classes and apps: what is kept, what is capped."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from gateway.policy.send_class import SendClass

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


def holders_of(send_class: SendClass, app_id: str) -> tuple[Holder, Holder]:
    """Return on whose account a slot goes."""
    return f"class:{send_class}", f"app:{app_id}"


def obstacle(
    shares: Mapping[Holder, Share],
    usage: Mapping[Holder, int],
    own: Iterable[Holder],
    limits: tuple[int, int, int],
) -> Obstacle | None:
    """Say why one more slot is not to be had, None if it is.

    `limits` are the messaging limit, the allowance, and the slots counted before this one. What is
    reserved and unused is free for its holder alone; everything else is borrowed freely.
    """
    limit, allowance, counted = limits
    own = tuple(own)
    for holder in own:
        share = shares.get(holder)
        if share is not None and usage.get(holder, 0) >= int(share.cap * limit):
            return Obstacle(holder, f"{holder} may use {share.cap:.0%} of it at the most")
    kept = sum(unused for _, unused in kept_for_others(shares, usage, own, limit))
    if counted + kept >= allowance:
        return Obstacle(None, f"{kept} of it are kept for others") if kept else None
    return None


def kept_for_others(
    shares: Mapping[Holder, Share], usage: Mapping[Holder, int], own: Iterable[Holder], limit: int
) -> Iterator[tuple[Holder, int]]:
    """Yield what each other holder has reserved and not used yet."""
    own = frozenset(own)
    for holder, share in shares.items():
        unused = int(share.reserve * limit) - usage.get(holder, 0)
        if unused > 0 and holder not in own:
            yield holder, unused
