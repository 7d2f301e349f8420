"""Lets what has run out take effect: number clocks, restrictions, ledger entries, lost answers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from gateway.clock import Clock
from gateway.policy.knobs import Knobs
from gateway.policy.number_clock import Standing, advance
from gateway.store import messages, numbers, pools, quota, templates
from gateway.store.database import Database
from gateway.store.numbers import NumberRow
from gateway.store.pools import LimitSource
from gateway.whatsapp.ids import PhoneNumberId

LOOK_BACK: Final = timedelta(hours=25)


class Sweeper:
    """One bounded sweep at a time; decisions never depend on it, since rules look at the hour."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        knobs: Knobs,
        unanswered: timedelta,
        changed: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._knobs = knobs
        self._unanswered = unanswered
        self._changed = changed
        self._swept_until: datetime | None = None
        self._log = structlog.get_logger("gateway.watch.sweeper")

    async def run_once(self) -> int:
        """Sweep once; return how many things changed."""
        now = self._clock.now()
        async with self._database.connection() as connection:
            changes = await self._end_clocks(connection, now)
            changes += await self._end_restrictions(connection, now)
            changes += await self._expire(connection, now)
            changes += await self._doubt(connection, now)
        return changes

    async def _end_clocks(self, connection: Any, now: datetime) -> int:
        due = await numbers.due(connection, now)
        for phone_number_id in due:
            async with connection.transaction():
                await self._end_clock(connection, phone_number_id, now)
        if due:
            self._changed()
        return len(due)

    async def _end_clock(
        self, connection: Any, phone_number_id: PhoneNumberId, now: datetime
    ) -> None:
        seen = await numbers.get(connection, phone_number_id)
        await quota.touch(connection, [seen.facts.pool_id])
        # Read again under the pool's lock: another process may have swept, or Meta spoken.
        row = await numbers.get(connection, phone_number_id)
        standing = advance(Standing(row.facts, row.messaging_limit), row.regime, now)
        await numbers.save(connection, _after(row, standing))
        if standing.messaging_limit != row.messaging_limit and row.facts.flagged_until:
            await pools.set_limit(
                connection,
                row.facts.pool_id,
                standing.messaging_limit,
                LimitSource.FLAGGED,
                row.facts.flagged_until,
            )
            self._log.warning(
                "messaging limit lowered after 7 days flagged",
                phone_number_id=phone_number_id,
                before=row.messaging_limit,
                after=standing.messaging_limit,
            )

    async def _end_restrictions(self, connection: Any, now: datetime) -> int:
        waba_ids = await numbers.due_accounts(connection, now)
        for waba_id in waba_ids:
            async with connection.transaction():
                await quota.touch(connection, await templates.pools_of_waba(connection, waba_id))
                await numbers.end_restrictions(connection, waba_id, now)
        return len(waba_ids)

    async def _expire(self, connection: Any, now: datetime) -> int:
        left_by = now - self._knobs.limit_window
        aged = sorted(await quota.aged_pools(connection, left_by))
        for pool_id in aged:
            await quota.expire(connection, pool_id, left_by, now)
        return len(aged)

    async def _doubt(self, connection: Any, now: datetime) -> int:
        """Mark what was reserved before a process died and never answered.

        Each sweep looks only at what the last one has not seen.
        """
        until = now - self._unanswered
        after = self._swept_until or now - LOOK_BACK
        if until <= after:
            return 0
        count = await messages.doubt_unanswered(connection, after, until, self._unanswered)
        self._swept_until = until
        if count:
            self._log.warning("messages are in doubt: they were never answered", count=count)
        return count


def _after(row: NumberRow, standing: Standing) -> NumberRow:
    """Return the row with its clocks ended; words about the flag from before its end are old."""
    ended = row.facts.flagged_until if standing.number.flagged_until is None else None
    quality_at = max(row.quality_at, ended) if ended else row.quality_at
    return replace(row, facts=standing.number, quality_at=quality_at)
