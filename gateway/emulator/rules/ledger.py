"""Counts the unique users a pool has reached outside a service window in the last 24 hours."""

from dataclasses import dataclass, field

DAY = 86_400.0


@dataclass(slots=True)
class _Pool:
    # Ordered by time, oldest first: a user who is reached again moves to the end.
    reached: dict[str, float] = field(default_factory=dict)
    doomed: dict[str, tuple[str, float]] = field(default_factory=dict)


class Ledger:
    """One set of users a pool; a user counts for 24 h after the last send, or after the first.

    A send that is going to fail is kept apart under its wamid, so that it counts from its
    acceptance until its failed status is emitted, and then no longer.
    Source: LIM, 8 May 2026 (R§2.1); which send is the anchor: R§12.1 row 3.
    """

    def __init__(self) -> None:
        self._pools: dict[str, _Pool] = {}

    def counts(self, pool_id: str, user: str, now: float) -> bool:
        """Whether the user is among the counted ones, so that one more send costs nothing."""
        pool = self._swept(pool_id, now)
        return user in pool.reached or any(who == user for who, _ in pool.doomed.values())

    def count(self, pool_id: str, now: float) -> int:
        """How many unique users count now."""
        pool = self._swept(pool_id, now)
        if not pool.doomed:
            return len(pool.reached)
        return len(pool.reached.keys() | {who for who, _ in pool.doomed.values()})

    def users(self, pool_id: str, now: float) -> list[str]:
        """Name the users who count now, sorted."""
        pool = self._swept(pool_id, now)
        return sorted(pool.reached.keys() | {who for who, _ in pool.doomed.values()})

    def reach(self, pool_id: str, user: str, now: float, *, keeps_first: bool = False) -> None:
        """Count the user from now on; `keeps_first` leaves alone one who counts already."""
        pool = (
            self._swept(pool_id, now) if keeps_first else self._pools.setdefault(pool_id, _Pool())
        )
        if keeps_first and user in pool.reached:
            return
        pool.reached.pop(user, None)
        pool.reached[user] = now

    def reach_in_vain(self, pool_id: str, user: str, wamid: str, now: float) -> None:
        """Count the user until `release(wamid)`, or for 24 h if no failed status is ever sent."""
        self._pools.setdefault(pool_id, _Pool()).doomed[wamid] = (user, now)

    def release(self, pool_id: str, wamid: str) -> None:
        """Stop counting a send whose failed status is being emitted."""
        pool = self._pools.get(pool_id)
        if pool is not None:
            pool.doomed.pop(wamid, None)

    def _swept(self, pool_id: str, now: float) -> _Pool:
        pool = self._pools.setdefault(pool_id, _Pool())
        horizon = now - DAY
        while pool.reached:
            user, at = next(iter(pool.reached.items()))
            if at > horizon:
                break
            del pool.reached[user]
        if pool.doomed:
            pool.doomed = {w: held for w, held in pool.doomed.items() if held[1] > horizon}
        return pool
