from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy import decide as module
from gateway.policy.decide import BOOKABLE, RULES, decide
from gateway.policy.facts import Facts, RestrictionFacts, Said, UserFacts
from gateway.policy.knobs import Knobs
from gateway.policy.paces import Activity, Allowance, Paces, Phase
from gateway.policy.shares import Share
from gateway.policy.verdict import Decision, Objection, Verdict
from gateway.whatsapp.number import NumberStatus, QualityRating
from gateway.whatsapp.restriction import RestrictionType
from tests.policy.making import HOUR, KNOBS, NOW, facts, number, pool, template, text

A, B, C = "account", "restriction", "template"
SPENT = Activity(Allowance(Phase.USUAL, 100, 100, None), Paces(sends_10m_tat=NOW + 2 * HOUR))


def says(rule: str, hours: int | None) -> Objection:
    until = None if hours is None else NOW + hours * HOUR
    return Objection(rule, 131048, f"{rule} objects.", until)


def verdict_of(
    monkeypatch: pytest.MonkeyPatch,
    raised: list[Objection],
    shadow: frozenset[str] = frozenset(),
    patience: timedelta = timedelta(0),
    known: Facts | None = None,
) -> Verdict:
    """Decide with rules that say just this."""
    rules = {each.rule: lambda *_, each=each: each for each in raised}
    monkeypatch.setattr(module, "RULES", rules)
    knobs = Knobs(shadow=shadow)
    return decide(template(), known or facts(), knobs, NOW, patience)


def test_what_nothing_speaks_against_is_admitted() -> None:
    verdict = decide(template(), facts(), KNOBS, NOW)
    assert verdict == Verdict(Decision.ADMIT, None, (), (), business_initiated=True)


def test_a_reply_is_not_business_initiated() -> None:
    assert not decide(text(), facts(window_open=True), KNOBS, NOW).business_initiated


@pytest.mark.parametrize(
    ("raised", "decision", "decisive"),
    [
        ([says(A, 1)], Decision.DEFER, A),
        ([says(A, None)], Decision.REJECT, A),
        ([says(A, 1), says(B, 2), says(C, 1)], Decision.DEFER, B),
        ([says(A, 3), says(B, 2)], Decision.DEFER, A),
        ([says(A, 1), says(B, 1)], Decision.DEFER, B),
        ([says(A, 9), says(B, None), says(C, 9)], Decision.REJECT, B),
        ([says(A, None), says(B, None)], Decision.REJECT, A),
    ],
    ids=["hour", "no hour", "latest", "latest first", "tie", "rejects beat hours", "two rejects"],
)
def test_the_strictest_objection_wins(
    raised: list[Objection], decision: Decision, decisive: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = verdict_of(monkeypatch, raised)
    assert verdict.decision is decision
    assert verdict.decisive is not None
    assert verdict.decisive.rule == decisive
    assert verdict.objections == tuple(raised)
    assert verdict.retry_at == verdict.decisive.until


def test_a_rule_in_shadow_is_counted_and_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    shadowed, enforced = says(A, None), says(B, 1)
    verdict = verdict_of(monkeypatch, [shadowed, enforced], frozenset({A}))
    assert verdict.decision is Decision.DEFER
    assert verdict.decisive == enforced
    assert verdict.objections == (enforced,)
    assert verdict.shadowed == (shadowed,)


def test_with_all_objections_in_shadow_the_message_is_admitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verdict = verdict_of(monkeypatch, [says(A, None), says(B, 1)], frozenset({A, B}))
    assert verdict.decision is Decision.ADMIT
    assert verdict.decisive is None
    assert len(verdict.shadowed) == 2


def test_a_rule_that_is_off_is_not_even_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = {A: lambda *_: says(A, None), B: lambda *_: says(B, 1)}
    monkeypatch.setattr(module, "RULES", rules)
    knobs = replace(KNOBS, off=frozenset({A}), shadow=frozenset({A}))
    verdict = decide(template(), facts(), knobs, NOW)
    assert (verdict.objections, verdict.shadowed) == ((says(B, 1),), ())
    verdict = decide(template(), facts(), replace(knobs, off=frozenset({A, B})), NOW)
    assert verdict == Verdict(Decision.ADMIT, None, (), (), business_initiated=True)


@pytest.mark.parametrize(
    ("raised", "patience_h", "send_at_h"),
    [
        ([says("pair_rate", 1)], 1, 1),
        ([says("pair_rate", 2)], 1, None),
        ([says("activity", 1), says("pair_rate", 2)], 2, 2),
        ([says("activity", 2), says("pair_rate", 1)], 2, 2),
        ([says("pair_rate", 1)], 0, None),
        ([says("messaging_limit", 1)], 9, None),
        ([says("messaging_limit", 1), says("pair_rate", 2)], 9, None),
        ([says("activity", 1), says(A, None)], 9, None),
    ],
    ids=[
        *("fits", "too late", "latest of two", "whichever it is", "no patience"),
        *("no matter of spreading", "one of them is not", "rejected"),
    ],
)
def test_who_may_wait_is_given_the_instant_if_all_there_is_to_do_is_to_spread_out(
    raised: list[Objection],
    patience_h: int,
    send_at_h: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verdict = verdict_of(monkeypatch, raised, patience=patience_h * HOUR)
    if send_at_h is None:
        assert verdict.decision is not Decision.ADMIT
        assert verdict.send_at is None
    else:
        at = NOW + send_at_h * HOUR
        assert verdict == Verdict(Decision.ADMIT, None, (), (), True, at)  # noqa: FBT003


def test_only_rules_that_are_enforced_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = [says("pair_rate", 1), says("activity", 9), says(A, None)]
    shadow = frozenset({"activity", A})
    verdict = verdict_of(monkeypatch, raised, shadow, patience=HOUR)
    assert (verdict.decision, verdict.send_at) == (Decision.ADMIT, NOW + HOUR)
    assert verdict.shadowed == tuple(raised[1:])


@pytest.mark.parametrize(("wrote_h", "send_at"), [(22, NOW + HOUR), (23, None)])
def test_nobody_is_given_an_instant_at_which_the_window_is_shut(
    wrote_h: int, send_at: datetime | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = facts(user=UserFacts(last_inbound_at=NOW - wrote_h * HOUR), window_open=True)
    verdict = verdict_of(monkeypatch, [says("pair_rate", 1)], patience=HOUR, known=known)
    assert verdict.send_at == send_at
    assert (verdict.decision is Decision.DEFER) is (send_at is None)


def test_the_rules_that_may_be_booked_exist() -> None:
    assert set(RULES) > BOOKABLE


def test_each_rule_speaks_under_the_name_it_is_listed_by() -> None:
    restricted = RestrictionFacts(RestrictionType.RESTRICTED_BIZ_INITIATED_MESSAGING, None)
    everything_wrong = facts(
        number=number(
            status=NumberStatus.BANNED, quality_rating=QualityRating.RED, spam_until=NOW + HOUR
        ),
        pool=pool(counted=100, shares={"app:bank": Share(reserve=0.1)}),
        user=UserFacts(pair_tat=NOW + 2 * HOUR, marketing_stopped=True, recent=(Said(0, 99, NOW),)),
        restrictions=(restricted,),
        template=None,
        activity=SPENT,
    )
    raised = {
        objection.rule
        for message in (template(), text())
        for objection in decide(message, everything_wrong, Knobs(), NOW).objections
    }
    assert raised == set(RULES)


@given(st.lists(st.sampled_from([None, 0, 1, 2]), max_size=7), st.data())
def test_admitted_means_that_nothing_enforced_objects(
    hours: list[int | None], data: st.DataObject
) -> None:
    raised = [says(f"rule{index}", each) for index, each in enumerate(hours)]
    shadow = frozenset(o.rule for o in raised if data.draw(st.booleans()))
    with pytest.MonkeyPatch.context() as patch:
        verdict = verdict_of(patch, raised, shadow)
    assert {*verdict.objections, *verdict.shadowed} == set(raised)
    assert (verdict.decision is Decision.ADMIT) is (not verdict.objections)
    assert (verdict.decision is Decision.REJECT) is any(o.until is None for o in verdict.objections)
    assert all(o.rule in shadow for o in verdict.shadowed)
    if verdict.decision is Decision.DEFER:
        assert verdict.retry_at == max(o.until for o in verdict.objections if o.until)


def test_the_knobs_name_no_rule_that_does_not_exist() -> None:
    assert set(RULES) >= Knobs().shadow | Knobs().off
