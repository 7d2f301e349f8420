"""Writes Meta's answers behind the traffic, in batches; refusals free their slots and teach."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import structlog

from gateway.clock import Clock
from gateway.metrics import Metrics
from gateway.policy.knobs import Knobs
from gateway.policy.lessons import LESSONS
from gateway.policy.lifecycle import MessageState
from gateway.store import lessons, messages, outbox, quota
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.store.lessons import Heard
from gateway.store.messages import Answer
from gateway.store.outbox import Due
from gateway.whatsapp.ids import PoolId

LINGER_S: Final = 0.025
RETRY_S: Final = 0.5
LARGEST_WRITE: Final = 500


class AnswerWriter:
    """Keeps answers until they are written; the database may go away and come back meanwhile."""

    def __init__(self, database: Database, clock: Clock, knobs: Knobs, metrics: Metrics) -> None:
        self._database = database
        self._clock = clock
        self._knobs = knobs
        self._metrics = metrics
        self._log = structlog.get_logger("gateway.outbound.answers")
        self._pending: list[tuple[Answer, bool]] = []
        self._written: asyncio.Future[None] | None = None
        self._more = asyncio.Event()

    @property
    def behind(self) -> int:
        """How many answers are not written yet."""
        return len(self._pending)

    def record(self, answer: Answer, *, correlated: bool) -> None:
        """Have an answer written soon."""
        self._pending.append((answer, correlated))
        self._more.set()

    async def flushed(self) -> None:
        """Wait until everything recorded so far is written (or the writer stops)."""
        if self._pending:
            if self._written is None:
                self._written = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._written)

    async def run(self) -> None:
        """Write until cancelled; then write what is left, once."""
        try:
            while True:
                await self._more.wait()
                await asyncio.sleep(LINGER_S)  # a fuller batch costs the database less
                self._more.clear()
                if not await self._write_all():
                    await asyncio.sleep(RETRY_S)
                    self._more.set()
        finally:
            await self._write_all()
            self._tell_written()

    async def _write_all(self) -> bool:
        while self._pending:
            batch = self._pending[:LARGEST_WRITE]
            try:
                await self._write_somehow(batch)
            except StoreUnavailableError as error:
                self._metrics.store_away.inc()
                self._log.warning("answers wait for the database", error=str(error))
                return False
            del self._pending[: len(batch)]
            self._metrics.answers_behind.set(len(self._pending))
        self._tell_written()
        return True

    async def _write_somehow(self, batch: Sequence[tuple[Answer, bool]]) -> None:
        """Write what can be written: one answer that does not fit must not hold up the others."""
        try:
            await self._write(batch)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - what is wrong with one must not stop the rest
            if len(batch) > 1:
                for one in batch:
                    await self._write_somehow([one])
                return
            ((answer, correlated),) = batch
            self._log.exception("an answer does not fit", error=type(error).__name__)
            bare = answer._replace(wamid=None, code=None, detail=None)
            if bare != answer:
                await self._write_somehow([(bare, correlated)])

    async def _write(self, batch: Sequence[tuple[Answer, bool]]) -> None:
        # What takes one statement needs no transaction around it, with its two round trips.
        is_plain = all(map(_is_plain, batch))
        lend = self._database.connection if is_plain else self._database.transaction
        async with lend() as connection:
            batch = await self._unsettled(connection, batch)
            answers = [answer for answer, _ in batch]
            strays = [answer for answer, correlated in batch if not correlated and answer.wamid]
            refused: dict[PoolId, list[UUID]] = defaultdict(list)
            for answer in answers:
                if answer.state is MessageState.REFUSED:
                    refused[answer.pool_id].append(answer.message_id)
            if refused:
                await quota.lock(connection, sorted(refused))
            await messages.record_answers(connection, answers)
            await self._release(connection, refused)
            await self._settle_parcels(connection, answers)
            if strays:
                await messages.remember_wamids(connection, strays)
        if telling := [answer for answer in answers if answer.code in LESSONS]:
            async with self._database.connection() as connection:
                await self._learn(connection, telling)

    async def _unsettled(
        self, connection: Any, batch: Sequence[tuple[Answer, bool]]
    ) -> Sequence[tuple[Answer, bool]]:
        """Leave out what was written already, although we have not heard that it was.

        Its message may be on its way once more by now, and what was said of the attempt before
        must not be taken for the answer.
        """
        released = [answer for answer, _ in batch if answer.attempt]
        if not released:
            return batch
        sending = await outbox.attempts(connection, [(a.pool_id, a.message_id) for a in released])
        unsettled = []
        for answer, correlated in batch:
            attempt = sending.get(answer.message_id, 0)
            if not answer.attempt or attempt in (answer.attempt, None):
                unsettled.append((answer, correlated))
        return unsettled

    async def _release(self, connection: Any, refused: dict[PoolId, list[UUID]]) -> None:
        since = self._clock.now() - self._knobs.limit_window
        for pool_id, message_ids in sorted(refused.items()):
            await quota.release(connection, pool_id, message_ids, since)

    async def _settle_parcels(self, connection: Any, answers: Sequence[Answer]) -> None:
        """Let parcels go whose outcome is final, and have others wait; doubts stay as they are."""
        done: list[tuple[PoolId, UUID]] = []
        again: list[Due] = []
        dead: list[Due] = []
        for answer in answers:
            attempt, key = answer.attempt, (answer.pool_id, answer.message_id)
            if attempt is None or answer.state is MessageState.IN_DOUBT:
                continue
            if answer.state is MessageState.ACCEPTED or attempt == 0:
                # What its app has waited for it has been told.
                done.append(key)
                continue
            waiting = Due(*key, answer.waits_until, "upstream", answer.detail)
            (dead if answer.waits_until is None else again).append(waiting)
        if done:
            await outbox.finish(connection, done)
        if again:
            await outbox.again(connection, again)
        if dead:
            await outbox.bury(connection, dead)

    async def _learn(self, connection: Any, telling: Sequence[Answer]) -> None:
        known = await messages.find_by_id(
            connection,
            [answer.pool_id for answer in telling],
            [answer.message_id for answer in telling],
        )
        heard = [
            Heard(known[answer.message_id], answer.answered_at, answer.code)
            for answer in telling
            if answer.message_id in known
        ]
        await lessons.learn(connection, heard, self._clock, self._knobs)

    def _tell_written(self) -> None:
        if self._written is not None:
            self._written.set_result(None)
            self._written = None


def _is_plain(written: tuple[Answer, bool]) -> bool:
    """Tell whether the journal is all that hears of an answer."""
    answer, correlated = written
    return correlated and answer.attempt is None and answer.state is not MessageState.REFUSED
