"""Notes what is usual for each number, ends recoveries that are over, and forgets what is old."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway.clock import Clock
from gateway.policy.knobs import Knobs
from gateway.policy.paces import Phase
from gateway.policy.ramp import allowance
from gateway.store import activity, callbacks, idempotency, outbox, pools, quota
from gateway.store.activity import History
from gateway.store.database import Database
from gateway.store.facts import load_states
from gateway.whatsapp.ids import PoolId


class Historian:
    """One sweep over all pools at a time, each in statements of its own.

    A sweep goes by nothing but what stands in the database: the first after a week of silence is as
    right as any. `keys_kept` is how long answers under an idempotency key are kept.
    """

    def __init__(
        self, database: Database, clock: Clock, knobs: Knobs, keys_kept: timedelta
    ) -> None:
        self._database = database
        self._clock = clock
        self._knobs = knobs
        self._keys_kept = keys_kept

    async def run_once(self) -> int:
        """Sweep once; return how many things changed."""
        now = self._clock.now()
        changes = 0
        async with self._database.connection() as connection:
            for row in await pools.get_all(connection):
                pool_id = PoolId(row["pool_id"])
                changes += await self._note(connection, pool_id, now)
                changes += await activity.forget(connection, pool_id, now)
            changes += await self._prune_keys(connection, now)
            changes += await outbox.forget(connection, now)
            changes += await callbacks.forget(connection, now)
        return changes

    async def _prune_keys(self, connection: Any, now: datetime) -> int:
        """Delete the keys that have run out, some at a time so that no statement takes long."""
        total = 0
        while count := await idempotency.prune(connection, now - self._keys_kept, now):
            total += count
        return total

    async def _note(self, connection: Any, pool_id: PoolId, now: datetime) -> int:
        histories = await activity.histories(connection, pool_id, now)
        if any(history.noted.recovering_since for history in histories):
            histories = await self._recovered(connection, pool_id, histories, now)
        news = [history for history in histories if history.seen != history.noted]
        if news:
            async with connection.transaction():
                await quota.touch(connection, [pool_id])
                for history in news:
                    await activity.note_usual(connection, history)
        return len(news)

    async def _recovered(
        self, connection: Any, pool_id: PoolId, histories: list[History], now: datetime
    ) -> list[History]:
        """Return the histories, those at the end of their ramp without a recovery."""
        _, state = (await load_states(connection, [pool_id], self._knobs))[pool_id]
        found = []
        for noted, seen in histories:
            knobs = state.knobs.get(noted.phone_number_id, self._knobs)
            allowed = allowance(seen, state.messaging_limit, knobs, now)
            is_over = allowed.phase is Phase.USUAL
            found.append(History(noted, replace(seen, recovering_since=None) if is_over else seen))
        return found
