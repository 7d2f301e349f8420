from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy import decide as module
from gateway.policy.decide import RULES, decide
from gateway.policy.facts import RestrictionFacts, UserFacts
from gateway.policy.knobs import Knobs
from gateway.policy.verdict import Decision, Objection, Verdict
from gateway.whatsapp.number import NumberStatus, QualityRating
from gateway.whatsapp.restriction import RestrictionType
from tests.policy.making import HOUR, KNOBS, NOW, facts, number, pool, template, text

A, B, C = "account", "restriction", "template"


def says(rule: str, hours: int | None) -> Objection:
    until = None if hours is None else NOW + hours * HOUR
    return Objection(rule, 131048, f"{rule} objects.", until)


def verdict_of(
    monkeypatch: pytest.MonkeyPatch, raised: list[Objection], shadow: frozenset[str] = frozenset()
) -> Verdict:
    """Decide with rules that say just this."""
    rules = {each.rule: lambda *_, each=each: each for each in raised}
    monkeypatch.setattr(module, "RULES", rules)
    return decide(template(), facts(), replace(KNOBS, shadow=shadow), NOW)


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


def test_each_rule_speaks_under_the_name_it_is_listed_by() -> None:
    restricted = RestrictionFacts(RestrictionType.RESTRICTED_BIZ_INITIATED_MESSAGING, None)
    everything_wrong = facts(
        number=number(status=NumberStatus.BANNED, quality_rating=QualityRating.RED),
        pool=pool(counted=100),
        user=UserFacts(pair_tat=NOW + 2 * HOUR, marketing_stopped=True),
        restrictions=(restricted,),
        template=None,
    )
    raised = {
        objection.rule
        for message in (template(), text())
        for objection in decide(message, everything_wrong, KNOBS, NOW).objections
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
    assert set(RULES) >= Knobs().shadow
