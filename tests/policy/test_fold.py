from datetime import timedelta
from typing import Any

import pytest

from gateway.policy.facts import RestrictionFacts, Said, UserFacts
from gateway.policy.fold import BatchFacts, Candidate, Folded, Started, fold
from gateway.policy.gcra import Gcra
from gateway.policy.knobs import Knobs
from gateway.policy.paces import Paces
from gateway.policy.send_class import SendClass
from gateway.policy.shares import Share
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


def said_to(user: int, times: int, **changes: Any) -> list[Candidate]:
    """Make so many messages to one user, each of other content."""
    return [
        candidate(user, changed(template(), content=content), **changes) for content in range(times)
    ]


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
    batch = said_to(1, 31)
    folded = fold(batch, batch_facts([NOBODY] * 31), KNOBS, NOW)
    assert decisions(folded) == [ADMIT] * 30 + [DEFER]
    assert rules(folded)[-1] == "pair_rate"
    assert folded.verdicts[-1].retry_at == NOW + KNOBS.pair_interval
    assert folded.pair_tats == {(POOL, NUMBER, batch[0].user_id): NOW + 30 * KNOBS.pair_interval}


def test_the_pair_rate_is_a_matter_between_one_number_and_one_user() -> None:
    other = [candidate(1, phone_number_id=SECOND_NUMBER)]
    batch = [*said_to(1, 30), *other, candidate(2)]
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


def test_who_was_stopped_until_now_recovers_although_nobody_swept() -> None:
    stop = RestrictionFacts(RestrictionType.RESTRICTED_BIZ_INITIATED_MESSAGING, NOW)
    held = number(restricted_until=NOW, restricted_by="meta")
    changes: list[dict[str, Any]] = [
        {"restrictions": {WABA: (stop,)}},
        {"numbers": {NUMBER: held}},
    ]
    for change in changes:
        known = batch_facts([NOBODY] * 10, messaging_limit=1000, **change)
        folded = fold_new(10, known, GUARDED)
        # A fifth of what is usual on the first day; a quarter of it in an hour, or at once.
        assert rules(folded) == [None] + ["activity"] * 9, change
    early = batch_facts([NOBODY] * 10, messaging_limit=1000)
    assert rules(fold_new(10, early, GUARDED)) == [None] * 10


def test_in_shadow_the_ledger_still_counts() -> None:
    shadow = changed(KNOBS, shadow=frozenset({"messaging_limit", "restriction"}))
    folded = fold_new(3, batch_facts([NOBODY] * 3, counted=99), shadow)
    assert decisions(folded) == [ADMIT] * 3
    assert folded.added == {POOL: 3}


def test_facts_and_batch_have_to_be_of_one_length() -> None:
    with pytest.raises(ValueError, match="zip"):
        fold([candidate(1)], batch_facts([]), KNOBS, NOW)


# --- how far numbers have got


GUARDED = Knobs()
BANK, SHOP = "bank", "shop"


def test_more_than_a_number_usually_starts_waits_in_turn() -> None:
    folded = fold_new(27, batch_facts([NOBODY] * 27), GUARDED)
    assert decisions(folded) == [ADMIT] * 25 + [DEFER] * 2
    assert rules(folded)[25:] == ["activity"] * 2
    assert folded.started[NUMBER] == Started(sends=25, new_users=25)
    assert set(folded.paces) == {NUMBER}


def test_who_may_wait_is_booked_one_after_another() -> None:
    hourly = Gcra.within(100, HOUR)
    batch = [candidate(user, patience=HOUR) for user in range(28)]
    folded = fold(batch, batch_facts([NOBODY] * 28), GUARDED, NOW)
    assert decisions(folded) == [ADMIT] * 28
    booked = [verdict.send_at for verdict in folded.verdicts[25:]]
    assert booked == [NOW + count * hourly.interval for count in (1, 2, 3)]
    # The slot counts from the instant at which the message leaves.
    assert folded.reached[POOL, batch[27].user_id].reached_at == booked[-1]


def test_a_number_goes_on_from_where_the_last_batch_left_it() -> None:
    first = fold_new(25, batch_facts([NOBODY] * 25), GUARDED)
    known = changed(batch_facts([NOBODY]), paces=first.paces)
    assert rules(fold([candidate(60)], known, GUARDED, NOW)) == ["activity"]
    elsewhere = candidate(60, phone_number_id=SECOND_NUMBER)
    assert rules(fold([elsewhere], known, GUARDED, NOW)) == [None]


def test_where_the_guard_is_off_a_burst_leaves_no_debt_behind() -> None:
    first = fold_new(90, batch_facts([NOBODY] * 90), KNOBS)
    known = changed(batch_facts([NOBODY]), paces=first.paces)
    later = NOW + Gcra.within(100, HOUR).interval
    assert decisions(fold([candidate(95)], known, GUARDED, later)) == [ADMIT]


def test_replies_and_groups_start_nothing() -> None:
    inside = UserFacts(last_inbound_at=NOW - HOUR)
    group = candidate(2, template(RecipientKind.GROUP))
    folded = fold([candidate(1), group], batch_facts([inside, NOBODY]), GUARDED, NOW)
    assert decisions(folded) == [ADMIT] * 2
    assert (folded.started, folded.paces) == ({}, {})


def test_each_number_has_the_knobs_that_were_turned_for_it() -> None:
    knobs = {NUMBER: changed(GUARDED, activity_floor_users=2, activity_floor=0.0)}
    batch = [candidate(user, phone_number_id=NUMBER) for user in (1, 2)]
    batch += [candidate(user, phone_number_id=SECOND_NUMBER) for user in (3, 4)]
    folded = fold(batch, batch_facts([NOBODY] * 4, knobs=knobs), GUARDED, NOW)
    assert rules(folded) == [None, "activity", None, None]


# --- booked for later


def test_booked_messages_to_one_user_leave_one_after_another() -> None:
    batch = said_to(1, 33, patience=timedelta(minutes=1))
    folded = fold(batch, batch_facts([NOBODY] * 33), KNOBS, NOW)
    assert decisions(folded) == [ADMIT] * 33
    booked = [verdict.send_at for verdict in folded.verdicts[29:]]
    assert booked == [None, *(NOW + count * KNOBS.pair_interval for count in (1, 2, 3))]
    assert folded.reached[POOL, batch[0].user_id].reached_at == booked[-1]


def test_what_another_rule_delays_counts_for_the_pair_when_it_leaves() -> None:
    """Else what waits, and what comes when it leaves, would be two bursts in one."""
    spent = Gcra.within(100, timedelta(minutes=10)).burst * timedelta(minutes=10)
    paces = {NUMBER: Paces(sends_10m_tat=NOW + spent)}
    known = changed(batch_facts([UserFacts(reached_at=NOW - HOUR)]), paces=paces)
    folded = fold([candidate(1, patience=10 * HOUR)], known, GUARDED, NOW)
    (booked,) = (verdict.send_at for verdict in folded.verdicts)
    assert booked is not None
    assert booked > NOW
    pair = (POOL, NUMBER, candidate(1).user_id)
    assert folded.pair_tats[pair] == booked + KNOBS.pair_interval


def test_a_slot_is_never_turned_back_to_before_what_was_booked() -> None:
    booked = UserFacts(reached_at=NOW + HOUR)
    folded = fold_new(1, batch_facts([booked]))
    assert [slot.reached_at for slot in folded.reached.values()] == [NOW + HOUR]


# --- shares


def test_each_slot_goes_on_somebodys_account_and_the_reserve_is_left() -> None:
    shares = {"app:bank": Share(reserve=0.03)}
    batch = [candidate(1, app_id=SHOP), candidate(2, app_id=SHOP), candidate(3, app_id=BANK)]
    known = batch_facts([NOBODY] * 3, counted=96, regime=Regime.PORTFOLIO, shares=shares)
    folded = fold(batch, known, KNOBS, NOW)
    assert rules(folded) == [None, "share", None]
    accounts = [(slot.send_class, slot.app_id) for slot in folded.reached.values()]
    assert accounts == [(SendClass.UTILITY, SHOP), (SendClass.UTILITY, BANK)]


def test_a_cap_counts_what_was_used_before_and_what_this_batch_uses() -> None:
    shares = {"app:shop": Share(cap=0.1)}
    known = changed(
        batch_facts([NOBODY] * 3, counted=8, shares=shares),
        usage={POOL: {"app:shop": 8}},
        next_share_at={POOL: {"app:shop": NOW + HOUR}},
    )
    folded = fold([candidate(user, app_id=SHOP) for user in range(3)], known, KNOBS, NOW)
    assert rules(folded) == [None, None, "share"]
    assert folded.verdicts[2].retry_at == NOW + HOUR
    assert known.usage == {POOL: {"app:shop": 8}}


def test_a_slot_stays_on_the_account_of_who_took_it_first() -> None:
    batch = [candidate(1, app_id=BANK), candidate(1, app_id=SHOP)]
    folded = fold(batch, batch_facts([NOBODY] * 2), KNOBS, NOW)
    assert [slot.app_id for slot in folded.reached.values()] == [BANK]


def test_who_takes_the_row_of_a_user_who_has_aged_pays_for_it() -> None:
    shares = {"app:shop": Share(cap=0.01)}
    aged = UserFacts(reached_at=NOW - DAY)
    known = batch_facts([aged, NOBODY], counted=1, shares=shares)
    folded = fold([candidate(user, app_id=SHOP) for user in range(2)], known, KNOBS, NOW)
    assert rules(folded) == [None, "share"]
    assert folded.added == {}
    assert folded.left_by == NOW - DAY


# --- what was said, and to how many


def test_the_same_to_the_same_user_is_counted_through_the_batch() -> None:
    batch = [candidate(1)] * 6
    folded = fold(batch, batch_facts([NOBODY] * 6), KNOBS, NOW)
    assert rules(folded) == [None] * 5 + ["repetition"]
    assert folded.recent[POOL, NUMBER, batch[0].user_id] == (Said(0, 5, NOW),)


def test_the_last_few_contents_are_remembered_and_what_has_aged_is_not() -> None:
    before = (Said(7, 1, NOW - KNOBS.repetition_window), Said(8, 2, NOW - INSTANT))
    batch = said_to(1, 4)
    folded = fold(batch, batch_facts([UserFacts(recent=before)] * 4), KNOBS, NOW)
    recent = folded.recent[POOL, NUMBER, batch[0].user_id]
    assert [said.content for said in recent] == [3, 2, 1, 0]
    first = fold(batch[:1], batch_facts([UserFacts(recent=before)]), KNOBS, NOW)
    assert first.recent[POOL, NUMBER, batch[0].user_id] == (Said(0, 1, NOW), before[1])


def test_the_same_text_to_a_crowd_is_counted_by_user() -> None:
    knobs = changed(KNOBS, repetition_users_hour=12)
    inside = UserFacts(last_inbound_at=NOW - HOUR)
    batch = [candidate(user, text()) for user in (1, 1, 2, 3, 2)]
    known = changed(batch_facts([inside] * 5), spread={(POOL, 0): 10})
    folded = fold(batch, known, knobs, NOW)
    assert rules(folded) == [None, None, None, "repetition", None]
    assert folded.spread == {(POOL, 0): 2}
    assert fold([candidate(1)], batch_facts([NOBODY]), knobs, NOW).spread == {}


# --- probes


LIMITED = {NUMBER: number(spam_step=1, spam_until=NOW)}


def test_one_probe_goes_and_nothing_that_starts_a_conversation_follows_it() -> None:
    inside = UserFacts(last_inbound_at=NOW - HOUR)
    batch = [candidate(1), candidate(2), candidate(3, text())]
    folded = fold(batch, batch_facts([NOBODY, NOBODY, inside], numbers=LIMITED), KNOBS, NOW)
    assert rules(folded) == [None, "spam_limit", None]
    assert folded.probes == {NUMBER: NOW + KNOBS.spam_probe}
    assert folded.verdicts[1].retry_at == NOW + KNOBS.spam_probe


def test_a_reply_is_no_probe() -> None:
    inside = UserFacts(last_inbound_at=NOW - HOUR)
    folded = fold([candidate(1, text())], batch_facts([inside], numbers=LIMITED), KNOBS, NOW)
    assert folded.probes == {}


def test_where_the_rule_is_not_enforced_one_probe_at_a_time_is_enough() -> None:
    shadow = changed(KNOBS, shadow=frozenset({"spam_limit"}))
    folded = fold_new(2, batch_facts([NOBODY] * 2, numbers=LIMITED), shadow)
    assert decisions(folded) == [ADMIT] * 2
    numbers = {NUMBER: number(spam_step=1, spam_until=NOW + INSTANT)}
    assert fold_new(1, batch_facts([NOBODY], numbers=numbers), shadow).probes == {}
