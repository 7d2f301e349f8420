"""Foresees when slots of a pool's messaging limit come free, and whether a class may have them."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from gateway.policy.send_class import SendClass
from gateway.policy.shares import DEFAULT, Holder, Share, holders_of, obstacle, slots_of
from gateway.whatsapp.number import UNLIMITED, Regime

MICROSECOND: Final = timedelta(microseconds=1)


class Hold(NamedTuple):
    """What keeps a send waiting: the rule, and one sentence for a person."""

    rule: str
    sentence: str


class Leaving(NamedTuple):
    """So many slots that come free at one instant, and on whose account they are."""

    at: datetime
    slots: int = 1
    send_class: SendClass = SendClass.OTHER
    app_id: str = ""


@dataclass(frozen=True, slots=True)
class Supply:
    """The messaging limit of a pool and who uses it; `leaving` in any order."""

    regime: Regime
    messaging_limit: int
    headroom: float
    leaving: Sequence[Leaving] = ()
    shares: Mapping[Holder, Share] = field(default_factory=lambda: DEFAULT)


class Terms(NamedTuple):
    """On which terms a number takes slots; a rule that only counts does not hold it back."""

    messaging_limit: int
    allowance: int
    is_limited: bool = True
    is_shared: bool = True


class Slots:
    """The ledger of the time to come; instants are microseconds since `now`.

    `own` are the holders of what is planned. Instants must not go backwards.
    """

    def __init__(self, supply: Supply, own: tuple[Holder, Holder], window: timedelta) -> None:
        self._own = own
        self._shares = supply.shares
        self._window = window // MICROSECOND
        self._leaving: deque[tuple[int, int, tuple[Holder, Holder]]] = deque()
        # What is planned leaves in the order in which it was taken.
        self._taken: deque[tuple[int, tuple[Holder, Holder]]] = deque()
        self._usage: dict[Holder, int] = {}
        self._terms: Terms | None = None
        self.counted = 0

    def foresee(self, leaving: Sequence[Leaving], now: datetime) -> None:
        """Count slots that are held at `now` and come free by themselves."""
        for each in sorted(leaving):
            holders = holders_of(each.send_class, each.app_id)
            self._leaving.append(((each.at - now) // MICROSECOND, each.slots, holders))
            self.count(holders, each.slots)

    def count(self, holders: tuple[Holder, Holder], count: int) -> None:
        """Put so many more slots on the account of these holders, fewer when it is negative."""
        usage = self._usage
        send_class, app = holders
        self.counted += count
        usage[send_class] = usage.get(send_class, 0) + count
        usage[app] = usage.get(app, 0) + count

    def earliest(self, at: int, terms: Terms) -> tuple[int | None, Hold | None]:
        """Return when one more slot is to be had, `at` at the earliest, and what it waits for.

        None instead of an instant: no slot will ever come free.
        """
        if terms.messaging_limit >= UNLIMITED:
            return at, None
        waits_for: Hold | None = None
        while True:
            self._leave(at)
            hold = self._obstacle(terms)
            if hold is None:
                return at, waits_for
            waits_for = hold
            following = [queue[0][0] for queue in (self._leaving, self._taken) if queue]
            if not following:
                return None, hold
            at = min(following)

    def take(self, at: int) -> None:
        """Take a slot for a new user."""
        self._taken.append((at + self._window, self._own))
        self.count(self._own, 1)

    def renew(self, at: int, holders: tuple[Holder, Holder]) -> None:
        """Let a slot that is counted but not foreseen leave a window after `at`."""
        self._taken.append((at + self._window, holders))

    def _leave(self, at: int) -> None:
        while self._leaving and self._leaving[0][0] <= at:
            _, count, holders = self._leaving.popleft()
            self.count(holders, -count)
        while self._taken and self._taken[0][0] <= at:
            self.count(self._taken.popleft()[1], -1)

    def _obstacle(self, terms: Terms) -> Hold | None:
        if terms is not self._terms:
            self._take_over(terms)
        if self.counted >= self._most:
            return Hold("messaging_limit", _used_up(terms))
        if self._has_share(terms.allowance):
            return None
        limits = (terms.messaging_limit, terms.allowance, self.counted)
        shares = self._shares if terms.is_shared else {}
        found = obstacle(shares, self._usage, self._own, limits)
        if found is None:
            return None
        return Hold("share", f"Of the messaging limit of {limits[0]} users {found.sentence}.")

    def _has_share(self, allowance: int) -> bool:
        """Tell whether `obstacle` would find none; false where that is not sure."""
        usage, room = self._usage, allowance - self.counted
        for holder, reserved in self._reserves:
            room -= max(reserved - usage.get(holder, 0), 0)
        for holder, most in self._caps:
            room = min(room, most - usage.get(holder, 0))
        return room > 0

    def _take_over(self, terms: Terms) -> None:
        """Work out once what holds on these terms, since it is asked for with every message."""
        limit = terms.messaging_limit
        shares = self._shares if terms.is_shared else {}
        self._terms = terms
        self._most = terms.allowance if terms.is_limited else UNLIMITED
        self._caps = [
            (holder, slots_of(shares[holder].cap, limit))
            for holder in self._own
            if holder in shares
        ]
        self._reserves = [
            (holder, slots_of(share.reserve, limit))
            for holder, share in shares.items()
            if share.reserve > 0 and holder not in self._own
        ]


def _used_up(terms: Terms) -> str:
    limit, allowance, *_ = terms
    held_back = f" ({limit - allowance} held back)" if allowance < limit else ""
    return (
        f"The messaging limit of {limit} users in 24 hours{held_back} is used up; "
        "each slot frees 24 hours after it was taken."
    )
