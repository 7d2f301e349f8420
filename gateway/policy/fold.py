"""Folds a batch of messages through the decision, carrying the facts forward.

One synchronous function does all the bookkeeping of a batch and returns what remains to be
written, so that no half-changed state is ever seen between two awaits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from gateway.policy.decide import decide
from gateway.policy.facts import (
    Facts,
    NumberFacts,
    PoolFacts,
    RestrictionFacts,
    Said,
    TemplateFacts,
    UserFacts,
)
from gateway.policy.knobs import Knobs
from gateway.policy.number_clock import Standing, stand
from gateway.policy.paces import Activity, Paces, taken
from gateway.policy.ramp import allowance
from gateway.policy.rules.pair_rate import schedule
from gateway.policy.send_class import SendClass, class_of
from gateway.policy.shares import DEFAULT, Holder, Share, holders_of
from gateway.policy.verdict import Decision, Verdict
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId, WabaId
from gateway.whatsapp.message import Message
from gateway.whatsapp.number import Regime
from gateway.whatsapp.recipient import RecipientKind
from gateway.whatsapp.template import TemplateKey

MOST_REMEMBERED: Final = 4
"""Contents remembered of one user: who alternates between more says something else."""


class Candidate(NamedTuple):
    """A message that asks to be sent: who from, who to, what, by whom, and how long it may wait."""

    phone_number_id: PhoneNumberId
    pool_id: PoolId
    user_id: UserId
    message: Message
    app_id: str = ""
    patience: timedelta = timedelta(0)


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
    knobs: Mapping[PhoneNumberId, Knobs] = field(default_factory=dict)
    shares: Mapping[Holder, Share] = field(default_factory=lambda: DEFAULT)

    def template(
        self, phone_number_id: PhoneNumberId, key: TemplateKey | None
    ) -> TemplateFacts | None:
        """Return what is known of a template as this number would send it."""
        if key is None:
            return None
        return self.templates.get((self.numbers[phone_number_id].waba_id, key))


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What is known about all messages of a batch; `users` in the order of the batch.

    `usage`: slots by holder; `next_share_at`: when a holder at its cap has one again; `paces`: the
    schedules of the numbers; `spread`: users of a pool who got a content in this hour.
    """

    pools: Mapping[PoolId, PoolState]
    counted: Mapping[PoolId, int]
    next_slot_at: Mapping[PoolId, datetime | None]
    users: list[UserFacts]
    usage: Mapping[PoolId, Mapping[Holder, int]] = field(default_factory=dict)
    next_share_at: Mapping[PoolId, Mapping[Holder, datetime]] = field(default_factory=dict)
    paces: Mapping[PhoneNumberId, Paces] = field(default_factory=dict)
    spread: Mapping[tuple[PoolId, int], int] = field(default_factory=dict)


class Slot(NamedTuple):
    """A ledger row: when the user was reached, and on whose account the slot goes if it is new."""

    reached_at: datetime
    send_class: SendClass
    app_id: str


@dataclass(slots=True)
class Started:
    """What one number has started in a batch."""

    sends: int = 0
    new_users: int = 0


@dataclass(slots=True)
class Folded:
    """The verdicts, in the order of the batch, and what they change.

    `left_by`: who was reached by then holds no slot any more, and takes a new one. `reached`:
    ledger rows to write; `added`: how many of them are new, by pool; `pair_tats` and
    `recent`: what to remember of users; `restricted`: numbers that reached their limit, with the
    end of it; `probes`: numbers that let a probe through, with the instant of the next; `paces`
    and `started`: how far numbers have got; `spread`: more users who got a content. All of it
    holds `at` one instant.
    """

    at: datetime
    left_by: datetime | None = None
    verdicts: list[Verdict] = field(default_factory=list)
    reached: dict[tuple[PoolId, UserId], Slot] = field(default_factory=dict)
    added: dict[PoolId, int] = field(default_factory=dict)
    pair_tats: dict[tuple[PoolId, PhoneNumberId, UserId], datetime] = field(default_factory=dict)
    recent: dict[tuple[PoolId, PhoneNumberId, UserId], tuple[Said, ...]] = field(
        default_factory=dict
    )
    restricted: dict[PhoneNumberId, datetime] = field(default_factory=dict)
    probes: dict[PhoneNumberId, datetime] = field(default_factory=dict)
    paces: dict[PhoneNumberId, Paces] = field(default_factory=dict)
    started: dict[PhoneNumberId, Started] = field(default_factory=dict)
    spread: dict[tuple[PoolId, int], int] = field(default_factory=dict)


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
        self._activity: dict[PhoneNumberId, Activity] = {}
        self.folded = Folded(now, now - knobs.limit_window)

    def take(self, candidate: Candidate, user: UserFacts) -> None:
        number_id, pool_id = candidate.phone_number_id, candidate.pool_id
        if number_id not in self._numbers:
            self._open(pool_id, number_id)
        knobs = self._facts.pools[pool_id].knobs.get(number_id, self._knobs)
        facts = self._gather(candidate, user, knobs)
        verdict = decide(candidate.message, facts, knobs, self._now, candidate.patience)
        self.folded.verdicts.append(verdict)
        if verdict.decision is Decision.ADMIT:
            self._carry_forward(candidate, facts, knobs, verdict.send_at or self._now)

    def _gather(self, candidate: Candidate, user: UserFacts, knobs: Knobs) -> Facts:
        pool_id, number_id = candidate.pool_id, candidate.phone_number_id
        message = candidate.message
        number, state = self._numbers[number_id], self._facts.pools[pool_id]
        user = self._current(candidate, user)
        template = state.template(number_id, message.template)
        return Facts(
            number=number,
            pool=self._pools[pool_id],
            user=user,
            restrictions=state.restrictions.get(number.waba_id, ()),
            template=template,
            templates_known=number.waba_id in state.synced_wabas,
            window_open=user.has_open_window(knobs, self._now),
            send_class=class_of(message, template.category if template else None),
            app_id=candidate.app_id,
            activity=self._activity[number_id],
            spread=self._spread(pool_id, message),
        )

    def _spread(self, pool_id: PoolId, message: Message) -> int:
        if message.template is not None:
            return 0
        said = (pool_id, message.content)
        return self._facts.spread.get(said, 0) + self.folded.spread.get(said, 0)

    def _current(self, candidate: Candidate, user: UserFacts) -> UserFacts:
        """Return the user's facts with what this batch has already done to them."""
        pool_id, user_id = candidate.pool_id, candidate.user_id
        slot = self.folded.reached.get((pool_id, user_id))
        contact = (pool_id, candidate.phone_number_id, user_id)
        tat = self.folded.pair_tats.get(contact)
        if slot is None and tat is None:
            return user
        return user._replace(
            reached_at=slot.reached_at if slot else user.reached_at,
            pair_tat=tat or user.pair_tat,
            recent=self.folded.recent.get(contact, user.recent),
        )

    def _open(self, pool_id: PoolId, number_id: PhoneNumberId) -> None:
        state = self._facts.pools[pool_id]
        standing = Standing(state.numbers[number_id], state.messaging_limit)
        restrictions = state.restrictions.get(standing.number.waba_id, ())
        number, limit = stand(standing, state.regime, restrictions, self._now)
        self._numbers[number_id] = number
        knobs = state.knobs.get(number_id, self._knobs)
        self._activity[number_id] = Activity(
            allowance(number, limit, knobs, self._now),
            self._facts.paces.get(number_id, Paces()),
        )
        if pool_id not in self._pools:
            self._pools[pool_id] = PoolFacts(
                pool_id=pool_id,
                regime=state.regime,
                messaging_limit=limit,
                headroom=state.headroom,
                counted=self._facts.counted[pool_id],
                next_slot_at=self._facts.next_slot_at.get(pool_id),
                shares=state.shares,
                usage=dict(self._facts.usage.get(pool_id, {})),
                next_share_at=self._facts.next_share_at.get(pool_id, {}),
            )

    def _carry_forward(
        self, candidate: Candidate, facts: Facts, knobs: Knobs, leaves_at: datetime
    ) -> None:
        contact = (candidate.pool_id, candidate.phone_number_id, candidate.user_id)
        self.folded.pair_tats[contact] = schedule(knobs).taken(facts.user.pair_tat, leaves_at)
        self.folded.recent[contact] = self._remembered(candidate, facts, knobs)
        is_group = candidate.message.recipient.kind is RecipientKind.GROUP
        if facts.window_open or is_group:
            return
        new_user = not facts.user.counts(knobs, self._now)
        self._reach(candidate, facts, leaves_at)
        self._start(facts, leaves_at, new_user=new_user)
        self._probe(facts.number, knobs)
        if new_user:
            self._take_slot(facts, knobs)

    def _reach(self, candidate: Candidate, facts: Facts, leaves_at: datetime) -> None:
        """Keep the slot until a day after the last send, on the account of the first."""
        key = (candidate.pool_id, candidate.user_id)
        first = self.folded.reached.get(key) or facts
        # One that was booked for later may have been admitted before.
        reached_at = max(leaves_at, facts.user.reached_at or leaves_at)
        self.folded.reached[key] = Slot(reached_at, first.send_class, first.app_id)

    def _remembered(self, candidate: Candidate, facts: Facts, knobs: Knobs) -> tuple[Said, ...]:
        """Return what is to be remembered of the user; count to how many it was said."""
        content = candidate.message.content
        others, times, since = [], 0, self._now
        for said in facts.user.recent:
            if said.since + knobs.repetition_window <= self._now:
                continue
            if said.content == content:
                times, since = said.times, said.since
            else:
                others.append(said)
        if times == 0 and candidate.message.template is None:
            key = (candidate.pool_id, content)
            self.folded.spread[key] = self.folded.spread.get(key, 0) + 1
        return (Said(content, times + 1, since), *others[: MOST_REMEMBERED - 1])

    def _start(self, facts: Facts, leaves_at: datetime, *, new_user: bool) -> None:
        number_id = facts.number.phone_number_id
        activity = self._activity[number_id]
        paces = taken(activity, leaves_at, new_user=new_user)
        self._activity[number_id] = Activity(activity.allowance, paces)
        self.folded.paces[number_id] = paces
        started = self.folded.started.setdefault(number_id, Started())
        started.sends += 1
        started.new_users += new_user

    def _probe(self, number: NumberFacts, knobs: Knobs) -> None:
        """Let nothing follow this one until it is known to have arrived, or taken too long."""
        if not number.spam_step or (number.spam_until and number.spam_until > self._now):
            return
        until = self._now + knobs.spam_probe
        self._numbers[number.phone_number_id] = replace(
            self._numbers[number.phone_number_id], spam_until=until
        )
        self.folded.probes[number.phone_number_id] = until

    def _take_slot(self, facts: Facts, knobs: Knobs) -> None:
        pool = facts.pool
        for holder in holders_of(facts.send_class, facts.app_id):
            pool.usage[holder] = pool.usage.get(holder, 0) + 1
        if facts.user.reached_at is not None:
            return  # a row that has aged but was not swept yet is part of the count already
        pool.counted += 1
        self.folded.added[pool.pool_id] = self.folded.added.get(pool.pool_id, 0) + 1
        if pool.regime is Regime.PER_NUMBER and pool.counted >= pool.allowance:
            until = self._now + knobs.restricted_for
            number_id = facts.number.phone_number_id
            self._numbers[number_id] = replace(
                self._numbers[number_id], restricted_until=until, restricted_by="ledger"
            )
            self.folded.restricted[number_id] = until
