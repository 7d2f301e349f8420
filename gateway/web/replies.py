"""Writes the answers to apps: Meta's unchanged, or a refusal in Meta's own shape."""

import math
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, assert_never
from uuid import UUID, uuid4

import orjson
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.cloud.outcome import Accepted, Answer, InDoubt, Outcome, Refused
from gateway.outbound.dispatch import Handled
from gateway.outbound.parcels import Parked
from gateway.policy.verdict import Decision, Objection
from gateway.web.reply import Reply
from gateway.whatsapp.error_codes import lookup
from gateway.whatsapp.error_shape import error_body
from gateway.whatsapp.message import INVALID_VALUE
from gateway.whatsapp.number import UNLIMITED
from gateway.whatsapp.recipient import Recipient

HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that speak of one connection only. Source: RFC 9110, section 7.6.1 (June 2022)."""

NOT_RETURNED: Final = HOP_BY_HOP | {"content-length", "server"}
ACCEPTED: Final = 202
TOO_MANY_REQUESTS: Final = 429
GENERIC: Final = 131000
UNAVAILABLE: Final = 133004
THROUGHPUT: Final = 130429
RETRY_OUTAGE_S: Final = 5
RETRY_LEAVING_S: Final = 1


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no of the gateway itself.

    `code` is Meta's, `details` one sentence for a person, `retry_after_s` the seconds after which
    a yes is expected, None where waiting does not help.
    """

    status: int
    code: int
    details: str
    retry_after_s: float | None = None
    decision: str = Decision.REJECT
    rule: str | None = None
    subcode: int | None = None
    type: str = "OAuthException"


def refusal(no: Refusal, message_id: UUID | None = None) -> web.Response:
    """Return a refusal in the shape of Meta's errors (R§1.10)."""
    trace_id = (message_id or uuid4()).hex
    headers = CIMultiDict({"Gateway-Decision": no.decision})
    if message_id is not None:
        headers["Gateway-Message-Id"] = message_id.hex
    if no.rule is not None:
        headers["Gateway-Rule"] = no.rule
    if no.retry_after_s is not None:
        headers["Retry-After"] = str(max(math.ceil(no.retry_after_s), 1))
    return web.Response(
        status=no.status,
        headers=headers,
        content_type="application/json",
        body=error_body(no.code, no.details, trace_id=trace_id, type_=no.type, subcode=no.subcode),
    )


def of_objection(objection: Objection, now: datetime) -> Refusal:
    """Return what an app is told when a rule says no: 429 where waiting helps."""
    if objection.until is None:
        status = lookup(objection.code).http_status
        return Refusal(status, objection.code, objection.details, rule=objection.rule)
    return Refusal(
        TOO_MANY_REQUESTS,
        objection.code,
        objection.details,
        retry_after_s=(objection.until - now).total_seconds(),
        decision=Decision.DEFER,
        rule=objection.rule,
    )


def congested(retry_after_s: float, code: int | None = None) -> Refusal:
    """Return what an app is told when the number's line is too long, or held (`code`) by Meta."""
    reason = (
        f"The number's line is {retry_after_s:.0f} s long"
        if code is None
        else f"Meta has told to wait for {retry_after_s:.0f} s (#{code})"
    )
    details = f"{reason}, which is more than this request may wait; nothing was sent."
    return Refusal(
        TOO_MANY_REQUESTS,
        code or THROUGHPUT,
        details,
        retry_after_s=retry_after_s,
        decision=Decision.DEFER,
        rule="throughput",
    )


def parked(found: Parked, recipient: Recipient, message_id: UUID, now: datetime) -> web.Response:
    """Return that a message waits in the outbox: in the shape of a success, with our own id.

    SDKs read `messages[0].id`; ours cannot be taken for one of Meta's, which begin with `wamid.`.
    """
    wait_s = max(math.ceil((found.due_at - now).total_seconds()), 1)
    content = {
        "messaging_product": "whatsapp",
        "contacts": [{"input": recipient.value}],
        "messages": [{"id": f"gw1.{message_id.hex}", "message_status": "parked"}],
        "gateway": {
            "message_id": message_id.hex,
            "rule": found.rule,
            "reason": found.detail,
            "expected_at": found.due_at,
        },
    }
    headers = {
        "Gateway-Decision": "park",
        "Gateway-Rule": found.rule,
        "Gateway-Message-Id": message_id.hex,
        "Location": f"/v1/messages/{message_id.hex}",
        "Retry-After": str(wait_s),
        "Preference-Applied": "respond-async",
    }
    return web.Response(
        status=ACCEPTED,
        headers=headers,
        content_type="application/json",
        body=orjson.dumps(content, option=orjson.OPT_UTC_Z),
    )


def unknown_id(node_id: str) -> Refusal:
    """Return what an app is told of an id the gateway does not serve."""
    details = f"Object {node_id[:40]!r} does not exist here: the gateway serves no such id."
    return Refusal(404, 100, details, rule="account", subcode=33, type="GraphMethodException")


def store_away() -> Refusal:
    """Return what an app is told when the gateway itself cannot decide."""
    details = "The gateway's database is away, so nothing can be decided; nothing was sent."
    return Refusal(
        503,
        UNAVAILABLE,
        details,
        retry_after_s=RETRY_OUTAGE_S,
        decision=Decision.DEFER,
        rule="outage",
    )


def perhaps_parked(message_id: UUID) -> Refusal:
    """Return what an app is told when nobody knows whether its message came into the outbox."""
    details = (
        "In doubt: the gateway's database did not answer. The message may be in the outbox; do not "
        f"send it again before GET /v1/messages/{message_id.hex} has told."
    )
    return Refusal(504, GENERIC, details, RETRY_OUTAGE_S, Decision.DEFER, "outage")


def leaving() -> Refusal:
    """Return what an app is told when this process goes away before the message's turn."""
    details = "This process is going away; nothing was sent. Another one takes it at once."
    return Refusal(
        503,
        UNAVAILABLE,
        details,
        retry_after_s=RETRY_LEAVING_S,
        decision=Decision.DEFER,
        rule="draining",
    )


def too_late() -> Refusal:
    """Return what an app is told of a message that was of no use any more before it could go."""
    details = "The message expired before it could be sent; nothing was sent."
    return Refusal(400, INVALID_VALUE, details, rule="expired")


def of_outcome(outcome: Outcome, message_id: UUID) -> web.Response:
    """Return Meta's answer, or tell that there was none."""
    match outcome:
        case Accepted(answer=answer):
            return passed(answer, Decision.ADMIT)
        case Refused(answer=answer) | InDoubt(answer=answer) if answer is not None:
            return passed(answer, "upstream")
        case Refused(reason=reason):
            details = f"Nothing was sent: {reason}."
            no = Refusal(502, UNAVAILABLE, details, RETRY_OUTAGE_S, "upstream")
            return refusal(no, message_id)
        case InDoubt(reason=reason, timed_out=timed_out):
            details = (
                f"In doubt: {reason}. The message may have been sent; do not send it again "
                f"before its status is known (message {message_id.hex})."
            )
            status = 504 if timed_out else 502
            return refusal(Refusal(status, GENERIC, details, decision="upstream"), message_id)
        case _:
            assert_never(outcome)


def passed(answer: Answer, decision: str) -> web.Response:
    """Return Meta's answer unchanged, apart from what speaks of the connection."""
    headers = without(answer.headers, NOT_RETURNED)
    headers["Gateway-Decision"] = decision
    return Reply(answer.status, headers, answer.body)


def without(headers: CIMultiDictProxy[str], names: frozenset[str]) -> CIMultiDict[str]:
    """Return a copy of `headers` without those that are called one of `names` (in lower case)."""
    kept = CIMultiDict(headers)
    for name in headers:
        if name.lower() in names:
            kept.popall(name, None)
    return kept


def annotate(response: web.Response, handled: Handled, gateway_s: float, throughput: int) -> None:
    """Add what the gateway knows: time spent, and what is left of limit and throughput."""
    timing, admission, headers = handled.timing, handled.admission, response.headers
    headers["Server-Timing"] = (
        f"gateway;dur={gateway_s * 1000:.1f}, wait;dur={timing.wait_s * 1000:.1f}, "
        f"upstream;dur={timing.upstream_s * 1000:.1f}"
    )
    headers["RateLimit-Policy"] = _policy(admission.allowance, throughput)
    if admission.allowance < UNLIMITED:
        headers["RateLimit"] = f'"messaging-limit";r={admission.remaining}'


@lru_cache(maxsize=1024)
def _policy(allowance: int, throughput: int) -> str:
    policy = f'"throughput";q={throughput};w=1'
    if allowance >= UNLIMITED:
        return policy
    return f'"messaging-limit";q={allowance};w=86400, {policy}'
