"""Says Meta's error codes the way Meta says them, as JSON of an answer or of a webhook."""

from dataclasses import dataclass
from typing import Any

import orjson

from gateway.emulator.error_codes import THROTTLES, WITHOUT_DATA, meaning_of

HELP_PAGE = "/documentation/business-messaging/whatsapp/support/error-codes"
_INVALID_PARAMETER = 100
_UNKNOWN_OBJECT = 33
_TEMPORARY = 2
# In status webhooks this sentence stands where the title should. Source: W-STAT (R§7.8).
_TITLES_IN_STATUSES = {
    131049: "This message was not delivered to maintain healthy ecosystem engagement."
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A synchronous no: the code, a sentence for a person and, rarely, a subcode.

    `http_status` and `message` replace what the code would say by itself. `user_title` and
    `user_message` are meant for the eyes of a person who edits templates. `retry_after_s` becomes
    a Retry-After, which Meta is not known to send (R§12.1 row 9).
    """

    code: int
    details: str
    subcode: int | None = None
    http_status: int | None = None
    message: str | None = None
    user_title: str | None = None
    user_message: str | None = None
    is_transient: bool | None = None
    retry_after_s: float | None = None

    @property
    def status(self) -> int:
        """The HTTP status of the answer, if the throttles keep the one of Meta's table."""
        return meaning_of(self.code).http_status if self.http_status is None else self.http_status

    def status_when(self, throttle_http_status: int) -> int:
        """Give the HTTP status when throttles have one of their own (R§12.1 row 8)."""
        if self.http_status is None and self.code in THROTTLES:
            return throttle_http_status
        return self.status


def error_body(refusal: Refusal, trace_id: str) -> bytes:
    """Build the JSON of a refusal. Source: ERR, 12 Dec 2025 (R§1.10).

    `error_data` is there for messaging errors only, `is_transient` where Graph says so: on code 2.
    """
    code, subcode = refusal.code, refusal.subcode
    is_lost = (code, subcode) == (_INVALID_PARAMETER, _UNKNOWN_OBJECT)
    error: dict[str, Any] = {
        "message": refusal.message or f"(#{code}) {meaning_of(code).title}",
        "type": "GraphMethodException" if is_lost else "OAuthException",
        "code": code,
    }
    if subcode is not None:
        error["error_subcode"] = subcode
    is_transient = code == _TEMPORARY if refusal.is_transient is None else refusal.is_transient
    if is_transient or refusal.is_transient is not None:
        error["is_transient"] = is_transient
    if refusal.user_title is not None:
        error["error_user_title"] = refusal.user_title
    if refusal.user_message is not None:
        error["error_user_msg"] = refusal.user_message
    if code not in WITHOUT_DATA and not (code == _INVALID_PARAMETER and subcode is not None):
        error["error_data"] = {"messaging_product": "whatsapp", "details": refusal.details}
    error["fbtrace_id"] = trace_id
    return orjson.dumps({"error": error})


def status_error(code: int, details: str) -> dict[str, Any]:
    """Build one entry of a webhook's `errors[]`; title and message are the same (R§8.4)."""
    title = _TITLES_IN_STATUSES.get(code) or meaning_of(code).title
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details},
        "href": HELP_PAGE,
    }


def unknown_object(object_id: str, method: str = "GET") -> Refusal:
    """Build Graph's answer to an id it does not know, code 100 with subcode 33 (R§12.3).

    It is also what Graph says to a method that an object does not support.
    """
    text = (
        f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, "
        "cannot be loaded due to missing permissions, or does not support this operation"
    )
    return Refusal(100, text, subcode=_UNKNOWN_OBJECT, message=text)


def unknown_path(edge: str) -> Refusal:
    """Build Graph's answer to a path that leads nowhere."""
    text = f"Unknown path components: /{edge}"
    return Refusal(2500, text, message=text)
