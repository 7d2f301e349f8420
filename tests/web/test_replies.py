from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.cloud.outcome import Accepted, Answer, InDoubt, Outcome, Refused
from gateway.outbound.dispatch import Handled, Timing
from gateway.outbound.submission import Admission
from gateway.policy.verdict import Decision, Objection, Verdict
from gateway.web.replies import (
    Refusal,
    annotate,
    congested,
    leaving,
    of_objection,
    of_outcome,
    refusal,
    store_away,
    unknown_id,
)
from gateway.whatsapp.number import UNLIMITED

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ID = UUID(int=7)
ANSWER = Answer(
    200,
    CIMultiDictProxy(
        CIMultiDict(
            {
                "Content-Type": "application/json",
                "X-FB-Rev": "1",
                "Connection": "close",
                "Date": "x",
            }
        )
    ),
    b'{"messages": [] }',
)


def error_of(response: web.Response) -> dict[str, Any]:
    assert isinstance(response.body, bytes)
    error: dict[str, Any] = orjson.loads(response.body)["error"]
    return error


def test_a_refusal_is_written_in_metas_shape_with_our_headers() -> None:
    no = Refusal(429, 131048, "The limit is used up.", retry_after_s=1.2, rule="messaging_limit")
    response = refusal(no, ID)
    error = error_of(response)
    assert response.status == 429
    assert error["code"] == 131048
    assert error["error_data"]["details"] == "The limit is used up."
    assert error["message"].endswith("The limit is used up.")
    assert error["fbtrace_id"] == ID.hex
    assert response.headers["Retry-After"] == "2"
    assert response.headers["Gateway-Rule"] == "messaging_limit"
    assert response.headers["Gateway-Message-Id"] == ID.hex


def test_a_refusal_without_a_message_has_a_trace_of_its_own() -> None:
    first, second = (error_of(refusal(unknown_id("7")))["fbtrace_id"] for _ in range(2))
    assert first != second
    assert "Gateway-Message-Id" not in refusal(unknown_id("7")).headers


@pytest.mark.parametrize(("seconds", "header"), [(0, "1"), (-5, "1"), (0.1, "1"), (59.01, "60")])
def test_retry_after_is_a_whole_number_that_is_never_too_early(seconds: float, header: str) -> None:
    response = refusal(Refusal(429, 130429, "Wait.", retry_after_s=seconds))
    assert response.headers["Retry-After"] == header


def test_an_objection_with_an_hour_is_429_and_one_without_has_the_status_of_its_code() -> None:
    waiting = Objection("pair_rate", 131056, "Too fast.", NOW + timedelta(seconds=6))
    final = Objection("template", 132001, "No such template.")
    deferred, rejected = of_objection(waiting, NOW), of_objection(final, NOW)
    assert (deferred.status, deferred.retry_after_s, deferred.decision) == (429, 6, "defer")
    assert (rejected.status, rejected.retry_after_s, rejected.decision) == (404, None, "reject")
    assert (deferred.rule, rejected.rule) == ("pair_rate", "template")


def test_our_own_troubles_say_when_to_come_again() -> None:
    away, line, drained = store_away(), congested(3.4), leaving()
    assert (away.status, away.code, away.rule) == (503, 133004, "outage")
    assert away.retry_after_s is not None
    assert (line.status, line.code, line.retry_after_s) == (429, 130429, 3.4)
    assert (drained.status, drained.code, drained.rule) == (503, 133004, "draining")
    assert (drained.decision, drained.retry_after_s) == ("defer", 1)


def test_an_id_of_any_length_makes_a_short_sentence() -> None:
    assert len(unknown_id("9" * 10_000).details) < 200


def test_metas_answer_is_returned_unchanged_but_for_the_connection() -> None:
    response = of_outcome(Accepted(ANSWER, "wamid.1"), ID)
    assert (response.status, response.body) == (200, ANSWER.body)
    assert response.headers["X-FB-Rev"] == "1"
    assert response.headers["Gateway-Decision"] == "admit"
    assert (response.headers["Date"], "Connection" in response.headers) == ("x", False)


REFUSED = Answer(400, ANSWER.headers, b'{"error":{"code":131026}}')


@pytest.mark.parametrize(
    ("outcome", "status", "body"),
    [
        (Refused(REFUSED, None, ""), 400, REFUSED.body),
        (InDoubt(Answer(500, ANSWER.headers, REFUSED.body), ""), 500, REFUSED.body),
    ],
)
def test_metas_refusal_is_passed_on_as_metas(outcome: Outcome, status: int, body: bytes) -> None:
    response = of_outcome(outcome, ID)
    assert (response.status, response.body) == (status, body)
    assert response.headers["Gateway-Decision"] == "upstream"


@pytest.mark.parametrize(
    ("outcome", "status", "code", "says"),
    [
        (Refused(None, None, "no route"), 502, 133004, "Nothing was sent: no route."),
        (InDoubt(None, "it broke"), 502, 131000, "do not send it again"),
        (InDoubt(None, "silence", timed_out=True), 504, 131000, ID.hex),
    ],
)
def test_silence_is_told_apart_from_what_is_proven_not_to_be_sent(
    outcome: Outcome, status: int, code: int, says: str
) -> None:
    response = of_outcome(outcome, ID)
    error = error_of(response)
    assert (response.status, error["code"]) == (status, code)
    assert says in error["error_data"]["details"]
    # Only what was certainly not sent may be sent again blindly.
    assert ("Retry-After" in response.headers) == isinstance(outcome, Refused)


@pytest.mark.parametrize(
    ("allowance", "expected"),
    [
        (
            237,
            {
                "RateLimit": '"messaging-limit";r=5',
                "RateLimit-Policy": '"messaging-limit";q=237;w=86400, "throughput";q=80;w=1',
            },
        ),
        (UNLIMITED, {"RateLimit-Policy": '"throughput";q=80;w=1'}),
    ],
)
def test_an_answer_says_what_is_left_where_there_is_a_limit(
    allowance: int, expected: dict[str, str]
) -> None:
    verdict = Verdict(Decision.ADMIT, None, (), (), business_initiated=True)
    handled = Handled(Admission(verdict, allowance, 5), None, Timing(0.002, 0.0304))
    response = web.Response()
    annotate(response, handled, 0.001, 80)
    found = {name: value for name, value in response.headers.items() if "RateLimit" in name}
    assert found == expected
    timing = "gateway;dur=1.0, wait;dur=2.0, upstream;dur=30.4"
    assert response.headers["Server-Timing"] == timing
