"""The admission desk: decides on messages in batches, one short write a batch.

Whoever arrives while a batch is being written joins the next one. A batch is decided on facts read
in one statement and written by one statement, which takes effect only for pools nobody else has
written since: two round trips, and no lock is held while we think. What lost such a race is decided
again under the pool's lock, so that nobody loses twice.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from gateway.clock import Clock
from gateway.metrics import Metrics
from gateway.outbound.desk_rows import Decided, rows_of
from gateway.outbound.submission import Admission, Submission, parks
from gateway.policy.facts import TemplateFacts, allowance_of
from gateway.policy.fold import BatchFacts, Candidate, PoolState, fold
from gateway.policy.knobs import Knobs
from gateway.policy.shares import Holder, slots_of
from gateway.policy.verdict import Verdict
from gateway.store import contacts, facts, quota
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError, UnknownNumberError
from gateway.store.facts import HotFacts, PoolVersion, StateCache
from gateway.whatsapp.ids import PoolId
from gateway.whatsapp.recipient import RecipientKind


class LeaseLostError(Exception):
    """Another process has claimed the message meanwhile: it is not ours to send."""


class TooLateError(Exception):
    """The hour is over after which the message is of no use; nothing was decided."""


LARGEST_BATCH: Final = 256
GIVEN_AT_ONCE: Final = 8


class _Waiting(NamedTuple):
    submission: Submission
    answer: asyncio.Future[Admission]


@dataclass(frozen=True, slots=True)
class _Known:
    """A batch with all that is known about it, and the hour to decide by."""

    at: datetime
    batch: list[_Waiting]
    candidates: list[Candidate]
    pools: dict[PoolId, PoolVersion]
    facts: BatchFacts

    def decided(self, verdicts: list[Verdict]) -> list[tuple[_Waiting, Candidate, Verdict]]:
        return list(zip(self.batch, self.candidates, verdicts, strict=True))


class AdmissionDesk:
    """Takes submissions, answers with verdicts that are durable when they are given."""

    def __init__(self, database: Database, clock: Clock, knobs: Knobs, metrics: Metrics) -> None:
        self._database = database
        self._clock = clock
        self._knobs = knobs
        self._metrics = metrics
        self._cache = StateCache(knobs)
        self._waiting: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None
        self._readings: dict[PoolId, asyncio.Task[PoolState | None]] = {}

    async def submit(self, submission: Submission) -> Admission:
        """Return the verdict once it is written.

        Raises StoreUnavailableError when the database is away (nothing was reserved then, or it is
        in doubt and ages out), UnknownNumberError when the number has left its pool, TooLateError
        after the hour until which the message is of use, and LeaseLostError when it comes out of
        the outbox and is somebody else's by now.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(submission, loop.create_future())
        self._waiting.append(waiting)
        if self._worker is None:
            self._worker = loop.create_task(self._work())
        return await waiting.answer

    async def template(self, candidate: Candidate) -> TemplateFacts | None:
        """Return what was last known of a message's template.

        The database is asked about a pool that is heard of for the first time only.
        """
        state = self._cache.peek(candidate.pool_id)
        if state is None:
            state = await self._first_reading(candidate.pool_id)
        if state is None or candidate.phone_number_id not in state.numbers:
            return None
        return state.template(candidate.phone_number_id, candidate.message.template)

    async def _first_reading(self, pool_id: PoolId) -> PoolState | None:
        """Read a pool once for all who ask meanwhile; they go on in the order they came in."""
        reading = self._readings.get(pool_id)
        if reading is None:
            reading = asyncio.get_running_loop().create_task(self._read(pool_id))
            self._readings[pool_id] = reading
            reading.add_done_callback(lambda _: self._readings.pop(pool_id))
        return await asyncio.shield(reading)

    async def _read(self, pool_id: PoolId) -> PoolState | None:
        async with self._database.connection() as connection:
            return await self._cache.read(connection, pool_id)

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:LARGEST_BATCH]
                del self._waiting[:LARGEST_BATCH]
                await self._decide_on(batch)
        finally:
            self._worker = None

    async def _decide_on(self, batch: list[_Waiting]) -> None:
        self._metrics.batch_size.observe(len(batch))
        undecided = batch
        try:
            async with self._database.connection() as connection:
                decided, undecided = await self._attempt(connection, batch)
            _give(decided)
            if undecided:
                self._metrics.conflicts.inc(len(undecided))
                await self._decide_locked(undecided)
        except Exception as error:  # noqa: BLE001 - each caller is told, none waits for ever
            left = [waiting for waiting in undecided if not waiting.answer.done()]
            if isinstance(error, StoreUnavailableError) or len(left) <= 1:
                _fail(left, error)
                return
            # One message that cannot be written must not take its neighbours along.
            for waiting in left:
                await self._decide_on([waiting])

    async def _decide_locked(self, batch: list[_Waiting]) -> None:
        pool_ids = sorted({w.submission.candidate.pool_id for w in batch})
        async with self._database.transaction() as connection:
            await quota.lock(connection, pool_ids)
            decided, _ = await self._attempt(connection, batch)
        _give(decided)

    async def _attempt(
        self, connection: Any, batch: list[_Waiting]
    ) -> tuple[list[tuple[_Waiting, Admission]], list[_Waiting]]:
        """Decide and write once; return what is decided, and what has to be decided again."""
        now = self._clock.now()
        batch = _in_time(batch, now)
        if not batch:
            return [], []
        known = await self._load(connection, batch, now)
        now = known.at
        folded = fold(known.candidates, known.facts, self._knobs, now)
        number_pools = {c.phone_number_id: c.pool_id for c in known.candidates}
        outcome = known.decided(folded.verdicts)
        rows = rows_of([Decided(w.submission, c, v) for w, c, v in outcome], known.facts, now)
        reserved = await quota.reserve(connection, known.pools, folded, rows, number_pools)
        decided, undecided = [], []
        for waiting, candidate, verdict in outcome:
            pool_id, lease = candidate.pool_id, waiting.submission.lease
            if pool_id not in reserved.pools:
                undecided.append(waiting)
            elif lease is not None and (waiting.submission.message_id, lease) in reserved.lost:
                _fail([waiting], LeaseLostError())
            else:
                counted = known.pools[pool_id].counted + folded.added.get(pool_id, 0)
                state = known.facts.pools[pool_id]
                admission = _admission(waiting.submission, verdict, state, counted)
                decided.append((waiting, admission))
        return decided, undecided

    async def _load(self, connection: Any, batch: list[_Waiting], now: datetime) -> _Known:
        """Load the facts; pools that are nearly full are first cleared of who has left them.

        The hour is no earlier than any by which another process has decided before.
        """
        candidates = await _resolved(connection, batch)
        hot = await facts.load_hot(connection, candidates, now)
        now = max([now, *(seen.decided_at for seen in hot.pools.values())])
        states = await self._cache.get(connection, hot.pools)
        oldest: dict[PoolId, datetime | None] = {}
        if nearly_full := _nearly_full(hot, states, len(batch)):
            oldest = await facts.load_oldest(connection, dict.fromkeys(nearly_full, 0))
            left_by = now - self._knobs.limit_window
            aged = sorted(pool_id for pool_id, at in oldest.items() if at and at <= left_by)
            for pool_id in aged:
                await quota.expire(connection, pool_id, left_by, now)
            if aged:
                hot = await facts.load_hot(connection, candidates, now)
                states = await self._cache.get(connection, hot.pools)
            if aged or any(nearly_full.values()):
                nearly_full = _nearly_full(hot, states, len(batch))
                oldest = await facts.load_oldest(connection, nearly_full)
        window = self._knobs.limit_window
        oldest_shares: dict[PoolId, dict[Holder, datetime]] = {}
        if capped := _at_their_cap(hot, states, len(batch)):
            oldest_shares = await facts.load_oldest_of_holders(connection, capped)
        known = BatchFacts(
            pools=states,
            counted={pool_id: seen.counted for pool_id, seen in hot.pools.items()},
            next_slot_at={pool_id: at and at + window for pool_id, at in oldest.items()},
            users=hot.users,
            usage=hot.usage,
            next_share_at={
                pool_id: {holder: at + window for holder, at in shares.items()}
                for pool_id, shares in oldest_shares.items()
            },
            paces=hot.paces,
            spread=hot.spread,
        )
        return _without_strangers(_Known(now, batch, candidates, hot.pools, known))


def _in_time(batch: list[_Waiting], now: datetime) -> list[_Waiting]:
    """Turn away what is of no use any more."""
    in_time: list[_Waiting] = []
    late: list[_Waiting] = []
    for waiting in batch:
        parcel = waiting.submission.parcel
        (late if parcel and parcel.expires_at <= now else in_time).append(waiting)
    _fail(late, TooLateError())
    return in_time


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
            waiting.answer.exception()  # a caller who has left does not fetch it


def _give(decided: list[tuple[_Waiting, Admission]]) -> None:
    """Answer a few callers, and the others in the rounds of the loop that follow.

    Between the rounds the loop looks at its sockets, so that the next batch is on its way to the
    database while the callers of this one are at work.
    """
    for waiting, admission in decided[:GIVEN_AT_ONCE]:
        if not waiting.answer.done():
            waiting.answer.set_result(admission)
    if len(decided) > GIVEN_AT_ONCE:
        asyncio.get_running_loop().call_soon(_give, decided[GIVEN_AT_ONCE:])


def _nearly_full(
    hot: HotFacts, states: Mapping[PoolId, PoolState], arriving: int
) -> dict[PoolId, int]:
    """Return the pools that might fill up, with the users who must leave before a slot frees.

    A pool is full for somebody as soon as only what is reserved for others is left, or when a
    holder has come to its cap.
    """
    found = {}
    capped = {pool_id for pool_id, _ in _at_their_cap(hot, states, arriving)}
    for pool_id, seen in hot.pools.items():
        state = states[pool_id]
        allowance = allowance_of(state.messaging_limit, state.headroom)
        kept = sum(share.reserve for share in state.shares.values()) * state.messaging_limit
        if seen.counted + arriving + kept >= allowance or pool_id in capped:
            found[pool_id] = max(seen.counted - allowance, 0)
    return found


def _at_their_cap(
    hot: HotFacts, states: Mapping[PoolId, PoolState], arriving: int
) -> dict[tuple[PoolId, Holder], int]:
    """Return the holders that might come to their cap, with the slots to go before one is free."""
    found = {}
    for pool_id in hot.pools:
        state, usage = states[pool_id], hot.usage.get(pool_id, {})
        for holder, share in state.shares.items():
            cap, used = slots_of(share.cap, state.messaging_limit), usage.get(holder, 0)
            if used + arriving > cap:
                found[pool_id, holder] = max(used - cap, 0)
    return found


def _admission(
    submission: Submission, verdict: Verdict, state: PoolState, counted: int
) -> Admission:
    allowance = allowance_of(state.messaging_limit, state.headroom)
    remaining = max(allowance - counted, 0)
    return Admission(verdict, allowance, remaining, parks(submission, verdict))


async def _resolved(connection: Any, batch: list[_Waiting]) -> list[Candidate]:
    """Return the candidates; a business-scoped id that is known to be somebody's leads to them."""
    candidates = [waiting.submission.candidate for waiting in batch]
    names = [
        (candidate.pool_id, candidate.user_id)
        for candidate in candidates
        if candidate.message.recipient.kind is RecipientKind.BSUID
    ]
    if not names:
        return candidates
    users = await contacts.resolve(connection, names)
    return [
        candidate._replace(
            user_id=users.get((candidate.pool_id, candidate.user_id), candidate.user_id)
        )
        for candidate in candidates
    ]


def _without_strangers(known: _Known) -> _Known:
    """Turn away what names a number that is not in its pool (any more)."""
    pick = [
        index
        for index, candidate in enumerate(known.candidates)
        if candidate.phone_number_id in known.facts.pools[candidate.pool_id].numbers
    ]
    if len(pick) == len(known.batch):
        return known
    for index in set(range(len(known.batch))).difference(pick):
        answer = known.batch[index].answer
        if not answer.done():
            answer.set_exception(UnknownNumberError(known.candidates[index].phone_number_id))
    return replace(
        known,
        batch=[known.batch[index] for index in pick],
        candidates=[known.candidates[index] for index in pick],
        facts=replace(known.facts, users=[known.facts.users[index] for index in pick]),
    )
