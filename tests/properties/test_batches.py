import math
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.facts import NumberFacts, Said, UserFacts
from gateway.policy.fold import BatchFacts, Candidate, Folded, Slot, Started, fold
from gateway.policy.gcra import Gcra
from gateway.policy.knobs import Knobs
from gateway.policy.paces import HOUR, TEN_MINUTES, Paces
from gateway.policy.send_class import SendClass
from gateway.policy.shares import Holder, Share, holders_of
from gateway.policy.verdict import Decision
from gateway.whatsapp.ids import PhoneNumberId, UserId
from gateway.whatsapp.number import Regime
from tests.policy.making import (
    DAY,
    INSTANT,
    KNOBS,
    NOW,
    NUMBER,
    POOL,
    SECOND_NUMBER,
    batch_facts,
    candidate,
    changed,
    number,
    state,
    template,
    text,
)

LIMIT: Final = 100
SHARES: Final = {"app:bank": Share(reserve=0.03), "app:shop": Share(cap=0.97)}
# So strict that a few messages meet every rule that looks at what went before.
STRICT: Final = changed(
    Knobs(),
    pair_capacity=4,
    repetition_times=3,
    repetition_users_hour=3,
    activity_floor=0.0,
    activity_floor_users=6,
)


class Kept:
    """What the store keeps of one pool, in the plainest way."""

    def __init__(self, users: dict[UserId, UserFacts], free: int, regime: Regime) -> None:
        self.regime = regime
        self.inbound = {user_id: user.last_inbound_at for user_id, user in users.items()}
        self.ledger = {
            user_id: Slot(user.reached_at, SendClass.OTHER, "")
            for user_id, user in users.items()
            if user.reached_at
        }
        self.others = LIMIT - free - len(self.ledger)
        self.usage: Counter[Holder] = Counter({"app:shop": self.others})
        self.contacts: dict[tuple[PhoneNumberId, UserId], tuple[datetime, tuple[Said, ...]]] = {}
        self.numbers = {each: number(phone_number_id=each) for each in (NUMBER, SECOND_NUMBER)}
        self.paces: dict[PhoneNumberId, Paces] = {}
        self.spread: Counter[int] = Counter()
        self.started: dict[PhoneNumberId, Started] = {}

    def change(self, number_id: PhoneNumberId, **changes: object) -> None:
        self.numbers[number_id] = changed(self.numbers[number_id], **changes)

    def facts(self, batch: Sequence[Candidate]) -> BatchFacts:
        numbers: dict[PhoneNumberId, NumberFacts] = dict(self.numbers)
        pool = state(regime=self.regime, messaging_limit=LIMIT, shares=SHARES, numbers=numbers)
        return BatchFacts(
            {POOL: pool},
            {POOL: self.others + len(self.ledger)},
            {},
            [self._user(each) for each in batch],
            usage={POOL: dict(self.usage)},
            paces=dict(self.paces),
            spread={(POOL, content): users for content, users in self.spread.items()},
        )

    def _user(self, asked: Candidate) -> UserFacts:
        slot = self.ledger.get(asked.user_id)
        tat, recent = self.contacts.get((asked.phone_number_id, asked.user_id), (None, ()))
        return UserFacts(
            reached_at=slot.reached_at if slot else None,
            last_inbound_at=self.inbound.get(asked.user_id),
            pair_tat=tat,
            recent=recent,
        )

    def write(self, folded: Folded) -> None:
        rows = len(self.ledger)
        for (_, user_id), slot in folded.reached.items():
            before = self.ledger.get(user_id)
            if before and folded.left_by and before.reached_at > folded.left_by:
                self.ledger[user_id] = before._replace(reached_at=slot.reached_at)
                continue
            if before:
                self.usage.subtract(holders_of(before.send_class, before.app_id))
            self.usage.update(holders_of(slot.send_class, slot.app_id))
            self.ledger[user_id] = slot
        assert len(self.ledger) - rows == folded.added.get(POOL, 0)
        for (pool_id, number_id, user_id), tat in folded.pair_tats.items():
            recent = folded.recent[pool_id, number_id, user_id]
            self.contacts[number_id, user_id] = tat, recent
        for number_id, until in folded.restricted.items():
            self.change(number_id, restricted_until=until, restricted_by="ledger")
        for number_id, until in folded.probes.items():
            self.change(number_id, spam_until=until)
        self.paces |= folded.paces
        for (_, content), users in folded.spread.items():
            self.spread[content] += users
        for number_id, more in folded.started.items():
            so_far = self.started.setdefault(number_id, Started())
            so_far.sends += more.sends
            so_far.new_users += more.new_users


class Send(NamedTuple):
    """One message of a batch, as it is drawn."""

    user: int
    is_text: bool
    content: int
    second_number: bool
    app_id: str
    patience: timedelta

    def candidate(self) -> Candidate:
        message = changed(text() if self.is_text else template(), content=self.content)
        return candidate(
            self.user,
            message,
            phone_number_id=SECOND_NUMBER if self.second_number else NUMBER,
            app_id=self.app_id,
            patience=self.patience,
        )


AGES = st.sampled_from([None, HOUR, DAY - INSTANT, DAY, DAY + HOUR])
INBOUND = st.sampled_from([None, None, HOUR, DAY - HOUR, DAY])
PEOPLE = st.lists(st.tuples(AGES, INBOUND), min_size=1, max_size=6)
PATIENCE = st.sampled_from([timedelta(0), timedelta(0), timedelta(seconds=7), HOUR, 5 * HOUR])
SENDS = st.builds(
    Send,
    st.integers(0, 9),
    st.booleans(),
    st.integers(0, 2),
    st.booleans(),
    st.sampled_from(["bank", "shop", "post"]),
    PATIENCE,
)


def known_users(
    drawn: list[tuple[timedelta | None, timedelta | None]],
) -> dict[UserId, UserFacts]:
    return {
        candidate(index).user_id: UserFacts(
            reached_at=NOW - reached if reached is not None else None,
            last_inbound_at=NOW - wrote if wrote is not None else None,
        )
        for index, (reached, wrote) in enumerate(drawn)
    }


@given(
    PEOPLE,
    st.lists(SENDS, max_size=30),
    st.integers(0, 9),
    st.sampled_from(Regime),
    st.booleans(),
)
def test_a_batch_is_decided_as_if_its_messages_had_come_one_by_one(
    drawn: list[tuple[timedelta | None, timedelta | None]],
    sends: list[Send],
    free: int,
    regime: Regime,
    probing: bool,  # noqa: FBT001 - drawn
) -> None:
    together = Kept(known_users(drawn), free, regime)
    if probing:
        together.change(NUMBER, spam_step=1, spam_until=NOW)
    singly = deepcopy(together)
    batch = [send.candidate() for send in sends]
    folded = fold(batch, together.facts(batch), STRICT, NOW)
    together.write(folded)
    verdicts = []
    for each in batch:
        one = fold([each], singly.facts([each]), STRICT, NOW)
        singly.write(one)
        verdicts += one.verdicts
    assert folded.verdicts == verdicts
    assert vars(together) == vars(singly)


GAPS = st.sampled_from([timedelta(0), timedelta(seconds=5), TEN_MINUTES / 3, HOUR / 2])


@given(st.lists(st.tuples(GAPS, st.lists(SENDS, max_size=12)), max_size=12))
def test_what_is_admitted_leaves_within_every_schedule(
    batches: list[tuple[timedelta, list[Send]]],
) -> None:
    """At once or booked: no stretch of time ever holds more than the rules allow."""
    knobs = changed(STRICT, repetition_times=1000, repetition_users_hour=1000)
    users = {candidate(1).user_id: UserFacts(last_inbound_at=NOW)}
    kept = Kept(users, 90, Regime.PORTFOLIO)
    now = NOW
    pairs: dict[tuple[PhoneNumberId, UserId], list[datetime]] = {}
    starts: dict[PhoneNumberId, list[datetime]] = {}
    for gap, sends in batches:
        now += gap
        batch = [send.candidate() for send in sends]
        folded = fold(batch, kept.facts(batch), knobs, now)
        kept.write(folded)
        for each, verdict in zip(batch, folded.verdicts, strict=True):
            if verdict.decision is Decision.ADMIT:
                leaves_at = verdict.send_at or now
                assert now <= leaves_at <= now + each.patience
                pairs.setdefault((each.phone_number_id, each.user_id), []).append(leaves_at)
                if verdict.business_initiated:
                    starts.setdefault(each.phone_number_id, []).append(leaves_at)
    for instants in pairs.values():
        assert_within(Gcra(knobs.pair_interval, knobs.pair_capacity), instants)
    for instants in starts.values():
        assert_within(Gcra.within(6, TEN_MINUTES), instants)


def assert_within(schedule: Gcra, instants: list[datetime]) -> None:
    ordered = sorted(instants)
    for index, start in enumerate(ordered):
        for count, end in enumerate(ordered[index:], 1):
            assert count <= schedule.burst + (end - start) // schedule.interval


@given(
    st.integers(1, 60),
    st.floats(0, 0.9),
    st.integers(0, 60),
    st.lists(st.integers(0, 80), max_size=120),
    st.sampled_from(Regime),
)
def test_no_batch_ever_lets_in_more_new_users_than_the_allowance(
    limit: int, headroom: float, counted: int, sends: list[int], regime: Regime
) -> None:
    facts = batch_facts(
        [UserFacts()] * len(sends),
        counted=counted,
        messaging_limit=limit,
        headroom=headroom,
        regime=regime,
    )
    folded = fold([candidate(user) for user in sends], facts, KNOBS, NOW)
    allowance = math.floor(limit * (1 - headroom))
    added = folded.added.get(POOL, 0)
    assert added == len(folded.reached)
    assert added <= max(allowance - counted, 0)
    if regime is Regime.PORTFOLIO:
        assert added == min(len(set(sends)), max(allowance - counted, 0))


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=80), st.integers(1, 8))
def test_the_pair_rate_lets_through_its_burst_and_then_one_an_interval(
    gaps_ms: list[int], capacity: int
) -> None:
    knobs = changed(KNOBS, pair_capacity=capacity)
    passed: list[datetime] = []
    now, tat = NOW, None
    for gap in gaps_ms:
        now += timedelta(milliseconds=gap)
        user = UserFacts(reached_at=NOW, pair_tat=tat)
        folded = fold([candidate(1)], batch_facts([user]), knobs, now)
        if folded.verdicts[0].decision is Decision.ADMIT:
            passed.append(now)
            tat = folded.pair_tats[POOL, NUMBER, candidate(1).user_id]
    assert_within(Gcra(knobs.pair_interval, capacity), passed)
