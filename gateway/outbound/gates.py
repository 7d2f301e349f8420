"""Knows of which groups of parcels nothing may go for now, so that waiting costs nothing.

When the desk holds back a parcel by a rule that holds back its whole group, the group's gate is
shut until the hour it named: the others are not even claimed. Then a few are tried; if one of them
may go, the gate stands open. A gate is looked behind now and then although its hour has not come,
for not everything that makes room is announced; and at once when something about the pool has
changed. All of this is a process's own memory: one that knows nothing tries a few.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.store.outbox import Group
from gateway.whatsapp.ids import PoolId

FEW: Final = 8
LONGEST_SHUT: Final = timedelta(seconds=30)


@dataclass(slots=True)
class _Gate:
    """`shut_until` None: it stands open."""

    pool_id: PoolId
    shut_until: datetime | None


class Gates:
    """One gate a group. `age` tells a decision that was made before the last change."""

    def __init__(self) -> None:
        self._gates: dict[Group, _Gate] = {}
        self.age = 0

    def width(self, group: Group, now: datetime, most: int) -> int:
        """Return how many of a group may be claimed: none, a few, or `most`."""
        gate = self._gates.get(group)
        if gate is None:
            return min(FEW, most)
        if gate.shut_until is None:
            return most
        return min(FEW, most) if gate.shut_until <= now else 0

    def passed(self, group: Group, pool_id: PoolId, now: datetime) -> None:
        """Note that a parcel could go: the gate stands open, unless it was shut meanwhile."""
        gate = self._gates.get(group)
        if gate is None or (gate.shut_until is not None and gate.shut_until <= now):
            self._gates[group] = _Gate(pool_id, None)

    def held(self, group: Group, pool_id: PoolId, until: datetime, now: datetime) -> None:
        """Shut the gate until the earliest hour that was named."""
        until = min(until, now + LONGEST_SHUT)
        gate = self._gates.get(group)
        if gate is not None and gate.shut_until is not None and gate.shut_until > now:
            until = min(until, gate.shut_until)
        self._gates[group] = _Gate(pool_id, until)

    def lift(self, pool_id: PoolId | None) -> None:
        """Have a few tried of every group of the pool (None: of all): it may be otherwise now."""
        self.age += 1
        for group in [
            group for group, gate in self._gates.items() if pool_id in (None, gate.pool_id)
        ]:
            del self._gates[group]

    def keep(self, groups: Collection[Group]) -> None:
        """Forget the gates before which nobody waits any more."""
        for group in self._gates.keys() - groups:
            del self._gates[group]
