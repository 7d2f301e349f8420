import math
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.facts import RestrictionFacts, UserFacts
from gateway.policy.fold import BatchFacts, Candidate, Folded, fold
from gateway.policy.knobs import Knobs
from gateway.policy.verdict import Decision
from gateway.whatsapp.ids import UserId
from gateway.whatsapp.number import QualityRating, Regime
from gateway.whatsapp.recipient import RecipientKind
from gateway.whatsapp.restriction import RestrictionType
from tests.policy.making import (
    DAY,
    HOUR,
    INSTANT,
    KNOBS,
    NOW,
    NUMBER,
    POOL,
    SECOND_NUMBER,
    SECOND_POOL,
    WABA,
    batch_facts,
    candidate,
    changed,
    number,
    state,
    template,
    text,
)

NOBODY = UserFacts()
ADMIT, DEFER = Decision.ADMIT, Decision.DEFER


def decisions(folded: Folded) -> list[Decision]:
    return [verdict.decision for verdict in folded.verdicts]


def rules(folded: Folded) -> list[str | None]:
    return [v.decisive.rule if v.decisive else None for v in folded.verdicts]


def fold_new(count: int, facts: BatchFacts, knobs: Knobs = KNOBS) -> Folded:
    return fold([candidate(user) for user in range(count)], facts, knobs, NOW)


def test_each_new_user_takes_a_slot_until_none_is_left() -> None:
    folded = fold_new(5, batch_facts([NOBODY] * 5, counted=97, regime=Regime.PORTFOLIO))
    assert decisions(folded) == [ADMIT, ADMIT, ADMIT, DEFER, DEFER]
    assert rules(folded)[3:] == ["messaging_limit"] * 2
    assert folded.added == {POOL: 3}
    assert [slot.reached_at for slot in folded.reached.values()] == [NOW] * 3
    assert folded.restricted == {}


def test_a_number_that_reached_its_limit_is_restricted_for_a_day() -> None:
    folded = fold_new(3, batch_facts([NOBODY] * 3, counted=98))
    assert folded.restricted == {NUMBER: NOW + DAY}
    third = folded.verdicts[2]
    assert [objection.rule for objection in third.objections] == ["restriction", "messaging_limit"]
    assert third.retry_at == NOW + DAY


def test_a_user_who_counts_may_be_written_to_again_until_the_number_is_restricted() -> None:
    users = [UserFacts(reached_at=NOW - HOUR), NOBODY, UserFacts(reached_at=NOW - HOUR)]
    folded = fold_new(3, batch_facts(users, counted=99))
    assert rules(folded) == [None, None, "restriction"]
    assert folded.added == {POOL: 1}


def test_replies_of_a_number_restricted_in_the_batch_pass() -> None:
    inside = UserFacts(last_inbound_at=NOW - HOUR)
    batch = [candidate(1), candidate(2, text()), candidate(3, template())]
    folded = fold(batch, batch_facts([NOBODY, inside, inside], counted=99), KNOBS, NOW)
    assert decisions(folded) == [ADMIT] * 3
    assert set(folded.reached) == {(POOL, batch[0].user_id)}


def test_the_same_user_twice_takes_one_slot() -> None:
    batch = [candidate(1), candidate(1), candidate(2)]
    shared = batch_facts([NOBODY] * 3, counted=98, regime=Regime.PORTFOLIO)
    folded = fold(batch, shared, KNOBS, NOW)
    assert decisions(folded) == [ADMIT] * 3
    assert folded.added == {POOL: 2}


def test_the_pair_rate_is_carried_forward_message_by_message() -> None:
    batch = [candidate(1)] * 31
    folded = fold(batch, batch_facts([NOBODY] * 31), KNOBS, NOW)
    assert decisions(folded) == [ADMIT] * 30 + [DEFER]
    assert rules(folded)[-1] == "pair_rate"
    assert folded.verdicts[-1].retry_at == NOW + KNOBS.pair_interval
    assert folded.pair_tats == {(POOL, NUMBER, batch[0].user_id): NOW + 30 * KNOBS.pair_interval}


def test_the_pair_rate_is_a_matter_between_one_number_and_one_user() -> None:
    other = [candidate(1, phone_number_id=SECOND_NUMBER)]
    batch = [*[candidate(1)] * 30, *other, candidate(2)]
    folded = fold(batch, batch_facts([NOBODY] * 32), KNOBS, NOW)
    assert decisions(folded) == [ADMIT] * 32


def test_a_refused_message_leaves_no_trace() -> None:
    folded = fold_new(1, batch_facts([NOBODY], counted=100))
    assert (folded.reached, folded.added, folded.pair_tats, folded.restricted) == ({}, {}, {}, {})


def test_a_group_takes_no_slot() -> None:
    group = candidate(1, template(RecipientKind.GROUP), user_id=UserId("group-1"))
    folded = fold([group], batch_facts([NOBODY], counted=100), KNOBS, NOW)
    assert decisions(folded) == [ADMIT]
    assert (folded.reached, folded.added) == ({}, {})


def test_a_row_that_has_aged_but_was_not_swept_is_counted_already() -> None:
    aged = UserFacts(reached_at=NOW - DAY)
    full = batch_facts([aged, NOBODY], counted=100, regime=Regime.PORTFOLIO)
    folded = fold_new(2, full)
    assert decisions(folded) == [ADMIT, DEFER]
    assert folded.added == {}
    assert [slot.reached_at for slot in folded.reached.values()] == [NOW]


def test_an_aged_row_does_not_fit_when_the_limit_was_lowered_below_the_count() -> None:
    aged = UserFacts(reached_at=NOW - DAY)
    folded = fold_new(1, batch_facts([aged], counted=101, regime=Regime.PORTFOLIO))
    assert rules(folded) == ["messaging_limit"]


def test_who_counts_by_an_instant_renews_without_a_slot() -> None:
    user = UserFacts(reached_at=NOW - DAY + INSTANT)
    folded = fold_new(1, batch_facts([user], counted=100, regime=Regime.PORTFOLIO))
    assert decisions(folded) == [ADMIT]
    assert folded.added == {}


def test_two_pools_of_a_batch_do_not_touch_each_other() -> None:
    third = changed(candidate(3), pool_id=SECOND_POOL)
    facts = BatchFacts(
        {POOL: state(), SECOND_POOL: state()},
        {POOL: 99, SECOND_POOL: 0},
        {POOL: NOW + HOUR},
        [NOBODY] * 3,
    )
    elsewhere = changed(third, phone_number_id=SECOND_NUMBER)
    folded = fold([candidate(1), candidate(2), elsewhere], facts, KNOBS, NOW)
    assert decisions(folded) == [ADMIT, DEFER, ADMIT]
    assert folded.added == {POOL: 1, SECOND_POOL: 1}


def test_a_flag_that_ran_out_lowers_the_limit_although_nobody_swept() -> None:
    flagged = number(flagged_until=NOW, quality_rating=QualityRating.RED)
    lowered = {"messaging_limit": 1000, "numbers": {NUMBER: flagged}}
    folded = fold_new(3, batch_facts([NOBODY] * 3, counted=248, **lowered))
    assert decisions(folded) == [ADMIT, ADMIT, DEFER]


def test_a_restriction_that_ran_out_stops_nobody_although_nobody_swept() -> None:
    restricted = number(restricted_until=NOW, restricted_by="ledger")
    folded = fold_new(1, batch_facts([NOBODY], numbers={NUMBER: restricted}))
    assert decisions(folded) == [ADMIT]


def test_a_restriction_of_the_account_holds_for_its_numbers() -> None:
    stop = RestrictionFacts(RestrictionType.RESTRICTED_BIZ_INITIATED_MESSAGING, NOW + HOUR)
    folded = fold_new(1, batch_facts([NOBODY], restrictions={WABA: (stop,)}))
    assert folded.verdicts[0].retry_at == NOW + HOUR


def test_in_shadow_the_ledger_still_counts() -> None:
    shadow = changed(KNOBS, shadow=frozenset({"messaging_limit", "restriction"}))
    folded = fold_new(3, batch_facts([NOBODY] * 3, counted=99), shadow)
    assert decisions(folded) == [ADMIT] * 3
    assert folded.added == {POOL: 3}


def test_facts_and_batch_have_to_be_of_one_length() -> None:
    with pytest.raises(ValueError, match="zip"):
        fold([candidate(1)], batch_facts([]), KNOBS, NOW)


ages = st.sampled_from([None, HOUR, DAY - INSTANT, DAY, DAY + HOUR])
inbound = st.sampled_from([None, None, HOUR, DAY])
people = st.lists(st.tuples(ages, inbound), min_size=1, max_size=4)


def known_users(drawn: list[tuple[timedelta | None, timedelta | None]]) -> list[UserFacts]:
    return [
        UserFacts(
            reached_at=NOW - reached if reached is not None else None,
            last_inbound_at=NOW - wrote if wrote is not None else None,
        )
        for reached, wrote in drawn
    ]


def one_by_one(batch: list[Candidate], facts: BatchFacts, knobs: Knobs) -> list[Folded]:
    """Fold messages each in a batch of its own, with what was written before read again."""
    written = Folded(NOW)
    counted = facts.counted[POOL]
    numbers = dict(facts.pools[POOL].numbers)
    results = []
    for each, user in zip(batch, facts.users, strict=True):
        key = (POOL, each.user_id)
        current = changed(
            user,
            reached_at=written.reached.get(key, user.reached_at),
            pair_tat=written.pair_tats.get((POOL, NUMBER, each.user_id), user.pair_tat),
        )
        pools = {POOL: changed(facts.pools[POOL], numbers=numbers)}
        one = fold([each], BatchFacts(pools, {POOL: counted}, {POOL: None}, [current]), knobs, NOW)
        counted += one.added.get(POOL, 0)
        written.reached |= one.reached
        written.pair_tats |= one.pair_tats
        for phone_number_id, until in one.restricted.items():
            numbers[phone_number_id] = changed(numbers[phone_number_id], restricted_until=until)
        results.append(one)
    return results


@given(
    people,
    st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=25),
    st.integers(0, 6),
    st.sampled_from(Regime),
)
def test_a_batch_is_decided_as_if_its_messages_had_come_one_by_one(
    drawn: list[tuple[timedelta | None, timedelta | None]],
    sends: list[tuple[int, bool]],
    free: int,
    regime: Regime,
) -> None:
    known = known_users(drawn)
    batch = [candidate(u % len(known), text() if free_form else None) for u, free_form in sends]
    users = [known[user % len(known)] for user, _ in sends]
    facts = batch_facts(users, counted=100 - free, regime=regime)
    knobs = changed(KNOBS, pair_capacity=4)
    together = fold(batch, facts, knobs, NOW)
    singly = one_by_one(batch, facts, knobs)
    assert together.verdicts == [one.verdicts[0] for one in singly]
    assert together.added.get(POOL, 0) == sum(one.added.get(POOL, 0) for one in singly)
    assert together.reached == {k: v for one in singly for k, v in one.reached.items()}
    assert together.pair_tats == {k: v for one in singly for k, v in one.pair_tats.items()}
    assert together.restricted == {k: v for one in singly for k, v in one.restricted.items()}


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
        [NOBODY] * len(sends),
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
        if decisions(folded) == [ADMIT]:
            passed.append(now)
            tat = folded.pair_tats[POOL, NUMBER, candidate(1).user_id]
    for index, start in enumerate(passed):
        for later, end in enumerate(passed[index:], 1):
            assert later <= capacity + (end - start) / knobs.pair_interval
