from datetime import timedelta

from gateway.policy.verdict import Decision, Objection, Verdict, hour
from tests.policy.making import NOW


def test_a_verdict_tells_when_a_yes_is_expected() -> None:
    objection = Objection("messaging_limit", 131048, "The limit is used up.", NOW)
    verdict = Verdict(Decision.DEFER, objection, (objection,), (), business_initiated=True)
    assert verdict.retry_at == NOW


def test_an_admitted_message_has_no_hour_to_wait_for() -> None:
    verdict = Verdict(Decision.ADMIT, None, (), (), business_initiated=True)
    assert verdict.retry_at is None


def test_a_rejected_message_has_no_hour_to_wait_for() -> None:
    objection = Objection("template", 132016, "The template is disabled.")
    verdict = Verdict(Decision.REJECT, objection, (objection,), (), business_initiated=True)
    assert verdict.retry_at is None


def test_an_instant_is_written_for_people_to_the_second_and_in_utc() -> None:
    assert hour(NOW + timedelta(seconds=5, milliseconds=900)) == "2026-11-23 10:00:05 UTC"


def test_decisions_are_the_words_of_the_journal() -> None:
    assert [str(decision) for decision in Decision] == ["admit", "defer", "reject"]
