"""Says what became of a call: accepted, refused, or in doubt."""

from typing import Final, NamedTuple

import orjson
from multidict import CIMultiDictProxy

from gateway.whatsapp.error_codes import ERROR_CODES, ErrorClass, lookup
from gateway.whatsapp.error_shape import MetaError, read_error


class Answer(NamedTuple):
    """Meta's answer as it came."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class Accepted(NamedTuple):
    """Meta took the message; `wamid` None if the answer did not name it."""

    answer: Answer
    wamid: str | None


class Refused(NamedTuple):
    """Proven not to have been sent: Meta said no, or could not even be reached (no answer)."""

    answer: Answer | None
    error: MetaError | None
    reason: str


class InDoubt(NamedTuple):
    """It may have been sent, or not: a timeout, a reset, a 5xx without a verdict."""

    answer: Answer | None
    reason: str
    timed_out: bool = False


Outcome = Accepted | Refused | InDoubt

SERVER_ERROR: Final = 500
REDIRECT: Final = 300


def outcome_of(answer: Answer) -> Outcome:
    """Read the outcome from Meta's answer; codes of class X are ambiguous (R§7.9 rule 2)."""
    if answer.status < REDIRECT:
        return Accepted(answer, _wamid(answer.body))
    error = read_error(answer.body)
    if error is None:
        if answer.status >= SERVER_ERROR:
            return InDoubt(answer, f"HTTP {answer.status} without a verdict")
        return Refused(answer, None, f"HTTP {answer.status}")
    reason = f"{error.code}: {error.message}"
    if _is_ambiguous(error.code, answer.status):
        return InDoubt(answer, reason)
    return Refused(answer, error, reason)


def _is_ambiguous(code: int, status: int) -> bool:
    if code in ERROR_CODES or status >= SERVER_ERROR:
        return lookup(code).cls is ErrorClass.X
    return False  # a code this version does not know, but a 4xx: a verdict all the same


def _wamid(body: bytes) -> str | None:
    try:
        wamid = orjson.loads(body)["messages"][0]["id"]
    except (ValueError, LookupError, TypeError):
        return None
    return wamid if isinstance(wamid, str) else None
