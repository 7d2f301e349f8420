import json
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.cloud.outcome import Accepted, Answer, InDoubt, Refused, outcome_of
from gateway.whatsapp.error_codes import ERROR_CODES, ErrorClass, lookup

HEADERS: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())
UNKNOWN_CODE = 199_999


def answer(status: int, body: Any) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, HEADERS, content)


def error(code: int, status: int = 400) -> Answer:
    return answer(status, {"error": {"message": "(#1) No.", "code": code}})


def test_an_accepted_message_has_metas_id() -> None:
    taken = answer(200, {"messages": [{"id": "wamid.made-up"}]})
    assert outcome_of(taken) == Accepted(taken, "wamid.made-up")


@pytest.mark.parametrize(
    "body",
    [b"", b"not JSON", [], {}, {"messages": []}, {"messages": [{"id": 7}]}, {"messages": "x"}, 5],
)
def test_an_answer_that_names_no_message_is_accepted_all_the_same(body: Any) -> None:
    taken = answer(200, body)
    assert outcome_of(taken) == Accepted(taken, None)


@pytest.mark.parametrize("code", ERROR_CODES)
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_every_code_of_metas_is_a_refusal_unless_it_is_ambiguous(code: int, status: int) -> None:
    outcome = outcome_of(error(code, status))
    if lookup(code).cls is ErrorClass.X:
        assert isinstance(outcome, InDoubt)
        assert not outcome.timed_out
    else:
        assert isinstance(outcome, Refused)
        assert outcome.error is not None
        assert outcome.error.code == code
    assert outcome.reason == f"{code}: (#1) No."


def test_there_are_ambiguous_codes_and_others() -> None:
    classes = {entry.cls for entry in ERROR_CODES.values()}
    assert ErrorClass.X in classes
    assert len(classes) > 1


def test_an_unknown_code_is_a_verdict_below_500_and_none_from_there_on() -> None:
    assert UNKNOWN_CODE not in ERROR_CODES
    assert isinstance(outcome_of(error(UNKNOWN_CODE, 400)), Refused)
    assert isinstance(outcome_of(error(UNKNOWN_CODE, 500)), InDoubt)


@pytest.mark.parametrize("body", [b"", b"<html>", {"error": "x"}, {"error": {"message": "x"}}])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (300, Refused),
        (302, Refused),
        (400, Refused),
        (499, Refused),
        (500, InDoubt),
        (502, InDoubt),
    ],
)
def test_without_a_code_the_status_tells(status: int, kind: type, body: Any) -> None:
    outcome = outcome_of(answer(status, body))
    assert type(outcome) is kind
    assert not isinstance(outcome, Accepted)
    assert f"HTTP {status}" in outcome.reason
