"""Says Meta's error codes the way Meta says them: title, HTTP status and JSON body."""

from dataclasses import dataclass
from typing import Any

import orjson

HELP_PAGE = "/documentation/business-messaging/whatsapp/support/error-codes"
_NOT_ABOUT_MESSAGES = frozenset({0, 2, 3, 4, 10, 17, 32, 33, 190, 613, 803, 2500, *range(200, 300)})


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code is called and which HTTP status carries it."""

    title: str
    http_status: int = 400


# Source: ERR, 12 Dec 2025, the last table with an HTTP column (R§7, R§7.8).
MEANINGS: dict[int, Meaning] = {
    0: Meaning("AuthException", 401),
    1: Meaning("API Unknown"),
    2: Meaning("API Service", 503),
    3: Meaning("API Method", 500),
    4: Meaning("API Too Many Calls"),
    10: Meaning("Permission Denied", 403),
    33: Meaning("Parameter value is not valid"),
    100: Meaning("Invalid parameter"),
    190: Meaning("Access token has expired", 401),
    200: Meaning("API Permission", 403),
    368: Meaning("Temporarily blocked for policies violations", 403),
    2500: Meaning("Unknown path components"),
    80007: Meaning("Rate limit issues"),
    80008: Meaning("Rate limit issues"),
    130403: Meaning("User is blocked by the business"),
    130429: Meaning("Rate limit hit"),
    130472: Meaning("User's number is part of an experiment"),
    130497: Meaning("Business account is restricted from messaging users in this country", 403),
    131000: Meaning("Something went wrong", 500),
    131005: Meaning("Access denied", 403),
    131008: Meaning("Required parameter is missing"),
    131009: Meaning("Parameter value is not valid"),
    131016: Meaning("Service unavailable", 500),
    131021: Meaning("Recipient cannot be sender"),
    131026: Meaning("Message undeliverable"),
    131030: Meaning("Recipient phone number not in allowed list"),
    131031: Meaning("Account has been locked", 403),
    131037: Meaning("Number needs display name approval"),
    131042: Meaning("Business eligibility payment issue"),
    131045: Meaning("Incorrect certificate", 500),
    131047: Meaning("Re-engagement message"),
    131048: Meaning("Spam Rate limit hit"),
    131049: Meaning("Meta chose not to deliver"),
    131050: Meaning("User has stopped marketing messages"),
    131051: Meaning("Unsupported message type"),
    131052: Meaning("Media download error"),
    131053: Meaning("Media upload error"),
    131055: Meaning("Method not allowed"),
    131056: Meaning("(Business Account, Consumer Account) pair rate limit hit"),
    131057: Meaning("Account in maintenance mode", 500),
    131062: Meaning("Message type not available for this recipient"),
    132000: Meaning("Template param count mismatch"),
    132001: Meaning("Template does not exist", 404),
    132005: Meaning("Template hydrated text too long"),
    132007: Meaning("Template format character policy violated"),
    132012: Meaning("Template parameter format mismatch"),
    132015: Meaning("Template is paused"),
    132016: Meaning("Template is disabled"),
    133004: Meaning("Server temporarily unavailable", 503),
    133010: Meaning("Phone number not registered"),
    134100: Meaning("Only marketing messages supported"),
    134101: Meaning("Template still syncing"),
    134102: Meaning("Template unavailable for use", 500),
    135000: Meaning("Generic user error"),
}
_UNLISTED = Meaning("Unknown error")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A synchronous no: the code, a sentence for a person and, rarely, a subcode.

    `http_status` and `message` replace what the code would say by itself.
    """

    code: int
    details: str
    subcode: int | None = None
    http_status: int | None = None
    message: str | None = None

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return meaning_of(self.code).http_status if self.http_status is None else self.http_status


def meaning_of(code: int) -> Meaning:
    """Title and HTTP status of a code; an unlisted code gets a plain title and 400."""
    return MEANINGS.get(code, _UNLISTED)


def error_body(refusal: Refusal, trace_id: str) -> bytes:
    """Build the JSON of a refusal.

    `error_data` is there for messaging errors only. Source: ERR, 12 Dec 2025 (R§1.10).
    """
    title = meaning_of(refusal.code).title
    is_graph = refusal.subcode is not None
    error: dict[str, Any] = {
        "message": refusal.message or f"(#{refusal.code}) {title}",
        "type": "GraphMethodException" if is_graph and refusal.code != 190 else "OAuthException",  # noqa: PLR2004 - Meta's code for a bad token
        "code": refusal.code,
    }
    if is_graph:
        error["error_subcode"] = refusal.subcode
    elif refusal.code not in _NOT_ABOUT_MESSAGES:
        error["error_data"] = {"messaging_product": "whatsapp", "details": refusal.details}
    error["fbtrace_id"] = trace_id
    return orjson.dumps({"error": error})


def status_error(code: int, details: str) -> dict[str, Any]:
    """Build one entry of `statuses[].errors[]`; title and message are the same (R§8.4)."""
    title = meaning_of(code).title
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details},
        "href": HELP_PAGE,
    }


def unknown_object(object_id: str) -> Refusal:
    """Build Graph's answer to an id it does not know, code 100 with subcode 33 (R§12.3)."""
    text = (
        f"Unsupported request. Object with ID '{object_id}' does not exist, cannot be loaded due "
        "to missing permissions, or does not support this operation"
    )
    return Refusal(100, text, subcode=33, message=text)
