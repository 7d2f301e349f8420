"""Folds a batch of messages through the decision, carrying the facts forward.

One synchronous function does all the bookkeeping of a batch and returns what remains to be
written, so that no half-changed state is ever seen between two awaits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from gateway.policy.decide import decide
from gateway.policy.facts import (
    Facts,
    NumberFacts,
    PoolFacts,
    RestrictionFacts,
    TemplateFacts,
    UserFacts,
)
from gateway.policy.knobs import Knobs
from gateway.policy.number_clock import Standing, advance
from gateway.policy.verdict import Decision, Verdict
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId, WabaId
from gateway.whatsapp.message import Message
from gateway.whatsapp.number import Regime
from gateway.whatsapp.recipient import RecipientKind
from gateway.whatsapp.template import TemplateKey


class Candidate(NamedTuple):
    """A message that asks to be sent: who from, who to, what."""

    phone_number_id: PhoneNumberId
    pool_id: PoolId
    user_id: UserId
    message: Message


@dataclass(frozen=True, slots=True)
class PoolState:
    """What changes rarely about one pool: its numbers, their restrictions and templates."""

    regime: Regime
    messaging_limit: int
    headroom: float
    numbers: Mapping[PhoneNumberId, NumberFacts]
    restrictions: Mapping[WabaId, tuple[RestrictionFacts, ...]]
    templates: Mapping[tuple[WabaId, TemplateKey], TemplateFacts]
    synced_wabas: frozenset[WabaId]

    def template(
        self, phone_number_id: PhoneNumberId, key: TemplateKey | None
    ) -> TemplateFacts | None:
        """Return what is known of a template as this number would send it."""
        if key is None:
            return None
        return self.templates.get((self.numbers[phone_number_id].waba_id, key))


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What is known about all messages of a batch; `users` in the order of the batch."""

    pools: Mapping[PoolId, PoolState]
    counted: Mapping[PoolId, int]
    next_slot_at: Mapping[PoolId, datetime | None]
    users: list[UserFacts]


@dataclass(slots=True)
class Folded:
    """The verdicts, in the order of the batch, and what they change.

    `reached`: ledger rows to write; `added`: how many of them are new, by pool; `pair_tats`: pair
    rate state to write; `restricted`: numbers that reached their limit, with the end of it.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    reached: dict[tuple[PoolId, UserId], datetime] = field(default_factory=dict)
    added: dict[PoolId, int] = field(default_factory=dict)
    pair_tats: dict[tuple[PoolId, PhoneNumberId, UserId], datetime] = field(default_factory=dict)
    restricted: dict[PhoneNumberId, datetime] = field(default_factory=dict)


def fold(batch: Iterable[Candidate], facts: BatchFacts, knobs: Knobs, now: datetime) -> Folded:
    """Decide on every message of the batch as if they had come one after another."""
    working = _Working(facts, knobs, now)
    for candidate, user in zip(batch, facts.users, strict=True):
        working.take(candidate, user)
    return working.folded


class _Working:
    """The facts of a batch while it is folded."""

    def __init__(self, facts: BatchFacts, knobs: Knobs, now: datetime) -> None:
        self._facts = facts
        self._knobs = knobs
        self._now = now
        self._pools: dict[PoolId, PoolFacts] = {}
        self._numbers: dict[PhoneNumberId, NumberFacts] = {}
        self.folded = Folded()

    def take(self, candidate: Candidate, user: UserFacts) -> None:
        facts = self._gather(candidate, user)
        verdict = decide(candidate.message, facts, self._knobs, self._now)
        self.folded.verdicts.append(verdict)
        if verdict.decision is Decision.ADMIT:
            self._carry_forward(candidate, facts)

    def _gather(self, candidate: Candidate, user: UserFacts) -> Facts:
        pool_id, number_id = candidate.pool_id, candidate.phone_number_id
        if number_id not in self._numbers:
            self._open(pool_id, number_id)
        number, state = self._numbers[number_id], self._facts.pools[pool_id]
        user = self._current(candidate, user)
        return Facts(
            number=number,
            pool=self._pools[pool_id],
            user=user,
            restrictions=state.restrictions.get(number.waba_id, ()),
            template=state.template(number_id, candidate.message.template),
            templates_known=number.waba_id in state.synced_wabas,
            window_open=user.has_open_window(self._knobs, self._now),
        )

    def _current(self, candidate: Candidate, user: UserFacts) -> UserFacts:
        """Return the user's facts with what this batch has already done to them."""
        pool_id, user_id = candidate.pool_id, candidate.user_id
        reached_at = self.folded.reached.get((pool_id, user_id))
        tat = self.folded.pair_tats.get((pool_id, candidate.phone_number_id, user_id))
        if reached_at is None and tat is None:
            return user
        return user._replace(
            reached_at=reached_at or user.reached_at, pair_tat=tat or user.pair_tat
        )

    def _open(self, pool_id: PoolId, number_id: PhoneNumberId) -> None:
        state = self._facts.pools[pool_id]
        standing = Standing(state.numbers[number_id], state.messaging_limit)
        number, limit = advance(standing, state.regime, self._now)
        self._numbers[number_id] = number
        if pool_id not in self._pools:
            self._pools[pool_id] = PoolFacts(
                pool_id=pool_id,
                regime=state.regime,
                messaging_limit=limit,
                headroom=state.headroom,
                counted=self._facts.counted[pool_id],
                next_slot_at=self._facts.next_slot_at.get(pool_id),
            )

    def _carry_forward(self, candidate: Candidate, facts: Facts) -> None:
        pool_id, user_id = candidate.pool_id, candidate.user_id
        tat = max(facts.user.pair_tat or self._now, self._now) + self._knobs.pair_interval
        self.folded.pair_tats[pool_id, candidate.phone_number_id, user_id] = tat
        is_group = candidate.message.recipient.kind is RecipientKind.GROUP
        if facts.window_open or is_group:
            return
        self.folded.reached[pool_id, user_id] = self._now
        if facts.user.reached_at is None:
            self._take_slot(facts)

    def _take_slot(self, facts: Facts) -> None:
        pool = facts.pool._replace(counted=facts.pool.counted + 1)
        self._pools[pool.pool_id] = pool
        self.folded.added[pool.pool_id] = self.folded.added.get(pool.pool_id, 0) + 1
        if pool.regime is Regime.PER_NUMBER and pool.counted >= pool.allowance:
            until = self._now + self._knobs.restricted_for
            number = replace(facts.number, restricted_until=until, restricted_by="ledger")
            self._numbers[number.phone_number_id] = number
            self.folded.restricted[number.phone_number_id] = until
