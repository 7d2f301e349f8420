"""Divides a number's throughput among the processes that serve it; the sum never exceeds it.

Source: THR (11 Sep 2026), R§5.1: a level of 20, 80 or 1,000 messages a second, and whether Meta
looks at a sliding second is not said, so that none may hold more. A bucket that holds `burst` and
refills at `rate` lets at most `burst + rate * t` through in t seconds, and what leaves within
1 + JITTER seconds may arrive within one. With a burst of 1 + CREDIT * rate each, n holders keep

    n + (1 + CREDIT + JITTER) * (sum of rates) < level + 1

which is how `capacity` is reckoned: each further holder costs one message a second. AIM is as much
as is wanted; the share of the level that n holders can use is

    level    n = 1     2       3       4       5
    1,000    95.5 %  95.5 %  95.5 %  95.5 %  95.5 %
    80       95.5 %  95.5 %  95.1 %  93.9 %  92.7 %
    20       95.5 %  92.7 %  87.8 %  82.9 %  78.0 %

At 20 a second (coexistence) two processes cannot reach 95 %. They divide it nevertheless: fewer
holders would use some messages a second more, but the others' one-time passwords would wait for as
long as they are busy. Only where not even one message a second a holder would be left do those
who want most hold it all.

The reckoning holds while holders come and go, provided that a bucket begins empty when its rate has
been 0, and that whoever gives up its share counts among the holders for the second that is over.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil, floor
from typing import Final, NamedTuple
from uuid import UUID

CREDIT: Final = 0.01
"""Seconds of sending that a bucket saves up, so that timers that fire late lose nothing."""
JITTER: Final = 0.015
"""Seconds by which the network may squeeze a second together."""
AIM: Final = 0.955
PAD: Final = 2.0
"""Messages a second beyond the demand, so that a lone message need not wait a second to leave."""
LEAST: Final = 0.5
"""Below this many messages a second a share is of no use, and none is held."""
SPARE: Final = 1.0
"""With so many messages a second left for each, those who want nothing now hold a share, too."""
STEP: Final = 1 / 128
"""Buckets refill at whole steps: what is the same but for an error of reckoning is the same."""
EPSILON: Final = 1e-6

LEASE: Final = timedelta(seconds=4)
"""How long a grant is good for its holder after the settlement that gave it."""
GRACE: Final = timedelta(seconds=2)
"""How much longer the others reckon with it: the sliding second, and clocks that differ."""


class Grant(NamedTuple):
    """What a process may send: a bucket of `burst` messages that refills at `rate` a second.

    A rate of 0 stops it and forgets what it has saved up.
    """

    rate: float
    burst: float


class Share(NamedTuple):
    """What one process says of one number, in messages a second.

    `demand` is None where the process takes no part (it may still tell of `inbound`) and 0 where it
    wants nothing now. Its word is good until `leased_until`; it may be sending at `granted` until
    `held_until` (None: it never has).
    """

    process_id: UUID
    demand: float | None
    inbound: float
    granted: float
    leased_until: datetime
    held_until: datetime | None

    def speaks(self, now: datetime) -> bool:
        """Tell whether its word still counts."""
        return now < self.leased_until + GRACE

    def holds(self, now: datetime) -> bool:
        """Tell whether it holds a share, or has within the second that is over."""
        return self.held_until is not None and now < self.held_until + GRACE


def grant_of(rate: float) -> Grant:
    """Return the bucket for a rate."""
    whole = floor(rate / STEP) * STEP
    return Grant(whole, 1 + CREDIT * whole)


def alone(level: float) -> Grant:
    """Return the grant of a process that serves a number of this level alone."""
    return grant_of(capacity(level, 1))


def capacity(level: float, holders: int) -> float:
    """Return the messages a second that so many holders of one number may send together."""
    bound = (level + 1 - holders - EPSILON) / (1 + CREDIT + JITTER)
    return max(min(AIM * level, bound), 0.0)


def settle(level: float, own: Share, others: Iterable[Share], now: datetime) -> Share:
    """Return the own share as it is to be from `now` on.

    `level` is what the number may send and receive; `own` has the present demand, inbound and
    grant. It is lowered at once to its fair part, and raised by no more than what the others'
    leases leave free, so that the sum never exceeds in whatever order the processes settle.
    """
    everyone, left = _everyone(level, own, others, now)
    holding = [share for share in everyone[1:] if share.holds(now)]
    free = capacity(left, 1 + len(holding)) - sum(share.granted for share in holding)
    rate = min(_target(left, everyone, now), free)
    leased_until = now + LEASE
    if rate >= LEAST:
        return own._replace(granted=rate, leased_until=leased_until, held_until=leased_until)
    held_until = now if own.granted > 0 else own.held_until
    return own._replace(granted=0.0, leased_until=leased_until, held_until=held_until)


def fair(level: float, own: Share, others: Iterable[Share], now: datetime) -> float:
    """Return the messages a second that are to be had as soon as the others have settled, too.

    That is for a process that wants as much as it can get: what it wants now says nothing of what
    it may have when somebody comes.
    """
    everyone, left = _everyone(level, own._replace(demand=level), others, now)
    return _target(left, everyone, now)


def _everyone(
    level: float, own: Share, others: Iterable[Share], now: datetime
) -> tuple[list[Share], int]:
    """Return all whose word counts, and what users leave of the level."""
    everyone = [own, *(share for share in others if share.speaks(now))]
    return everyone, max(int(level) - ceil(sum(share.inbound for share in everyone)), 1)


def _target(level: int, everyone: Sequence[Share], now: datetime) -> float:
    """Return the fair part of the first of `everyone`.

    With plenty left, it is divided among all, and whoever gets something to send need not ask
    first; else among those who want it.
    """
    holding = {share.process_id for share in everyone if share.holds(now)}
    takers = [share for share in everyone if share.demand is not None]
    rate = _rate(level, takers, holding)
    if rate - sum(_need(share) for share in takers) < SPARE * len(takers):
        takers = _busiest(level, takers)
        rate = _rate(level, takers, holding)
    return fill(rate, {share.process_id: _need(share) for share in takers}).get(
        everyone[0].process_id, 0.0
    )


def _rate(level: int, takers: Iterable[Share], holding: Collection[UUID]) -> float:
    return capacity(level, len({share.process_id for share in takers}.union(holding)))


def _busiest(level: int, takers: Iterable[Share]) -> list[Share]:
    """Return who wants something, no more of them than there are messages a second for."""
    most = max(int((level + 1) / (2 + CREDIT + JITTER)), 1)
    busy = [share for share in takers if share.demand]
    return sorted(busy, key=lambda share: (-_need(share), share.process_id))[:most]


def _need(share: Share) -> float:
    return share.demand + PAD if share.demand else 0.0


def fill(rate: float, needs: dict[UUID, float]) -> dict[UUID, float]:
    """Divide `rate` max-min fair; what nobody needs is divided evenly."""
    parts: dict[UUID, float] = {}
    for who in sorted(needs, key=lambda each: needs[each]):
        parts[who] = min(needs[who], rate / (len(needs) - len(parts)))
        rate -= parts[who]
    return {who: part + rate / len(needs) for who, part in parts.items()}
