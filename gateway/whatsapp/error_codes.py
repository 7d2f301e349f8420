"""The one table of Meta's error codes: what each says, how it arrives, what trouble it is.

Sources: ERR of 12 Dec 2025 (the last version with HTTP statuses and titles), 15 May, 18 Jun and
11 Sep 2026; G-RATE, GRP, CALL, MM, BLOCK, DIRECT and OAPI v23.0 for the codes that ERR lacks
(R§7). Where Meta gives no HTTP status the table says 400. Where a code may be of two classes the
table has the one that is safer for the recipient: what may hide a sent message is ambiguous. Titles
are for people only; Meta retires them, so nothing may compare them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ErrorClass(StrEnum):
    """What kind of trouble a code is (R§7)."""

    T = "T"
    """Transient: the same request may work in a moment."""
    W = "W"
    """Wait: works again after a known or usual time."""
    U = "U"
    """This user is not to be reached, now or at all."""
    C = "C"
    """The content or the template is wrong: the same request will never work."""
    K = "K"
    """Configuration or credentials: a person must act."""
    P = "P"
    """Policy: Meta has stopped the account."""
    X = "X"
    """Ambiguous: the message may have been sent."""


class Channel(StrEnum):
    """How a code arrives."""

    SYNC = "S"
    """In the answer to the request."""
    ASYNC = "A"
    """In a `failed` status webhook."""
    BOTH = "B"
    """Either way."""
    INBOUND = "I"
    """In webhooks that speak of no sent message."""
    HEALTH = "H"
    """Inside `health_status` only."""


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code; `action` is what the gateway does about it, in a few words for a person."""

    code: int
    title: str
    http_status: int
    channel: Channel
    cls: ErrorClass
    action: str


_S, _A, _B, _I, _H = Channel
_T, _W, _U, _C, _K, _P, _X = ErrorClass

_PERMISSION: Final = (403, _S, _K, "stop the number, alert")
_PERMISSION_CODES: Final = range(200, 300)

# fmt: off
_ROWS: Final[tuple[tuple[int, str, int, Channel, ErrorClass, str], ...]] = (
    # R§7.1 authentication and authorization
    (0, "AuthException", 401, _S, _K, "stop the credential, alert"),
    (3, "API Method", 500, _S, _K, "alert; no retry, although it is a 500"),
    (10, "Permission Denied", 403, _S, _K, "stop, alert"),
    (33, "Parameter value is not valid", 400, _S, _K, "stop the number: deleted or not visible"),
    (104, "Incorrect signature", 400, _S, _K, "check appsecret_proof"),
    (190, "Access token has expired", 401, _S, _K, "stop the credential, alert"),
    (803, "Object does not exist", 404, _S, _K, "correct the id"),
    (131005, "Access denied", 403, _B, _K, "stop, alert"),
    # R§7.2 integrity and policy
    (368, "Temporarily blocked for policies violations", 403, _S, _P, "stop the account"),
    (130497, "Business account is restricted from messaging users in this country", 403, _B, _P,
     "drop; no sends to that country"),
    (131031, "Account has been locked", 403, _B, _P, "stop the account"),
    (131037, "Number needs display name approval", 400, _B, _K, "stop the number"),
    (131042, "Business eligibility payment issue", 400, _B, _K, "stop what is billed, alert"),
    (131044, "Business eligibility payment issue for calls", 400, _I, _K, "calling only"),
    (131045, "Incorrect certificate", 500, _B, _K, "register again; no retry"),
    (131064, "Messaging limit lowered for template misclassification", 400, _S, _W,
     "stop templates, probe every hour"),
    (134011, "Payments terms of service not accepted", 400, _S, _K, "accept the terms"),
    (138024, "Business not eligible for calling", 400, _H, _P, "show to the operator"),
    (138025, "Account not eligible for calling", 400, _H, _P, "show to the operator"),
    (139200, "Direct Send access blocked", 400, _S, _P, "use an approved template"),
    (141002, "Business cannot send", 400, _H, _P, "show to the operator"),
    # R§7.3 throttling
    (4, "API Too Many Calls", 400, _S, _W, "wait as the usage header says, else 60 s and doubling"),
    (17, "User request limit reached", 400, _S, _W, "as 4"),
    (32, "Page request limit reached", 400, _S, _W, "as 4"),
    (613, "Custom rate limit reached", 400, _S, _W, "as 4"),
    (80007, "Rate limit issues", 400, _B, _W, "as 4, for the account"),
    (80008, "Account rate limit reached", 400, _S, _W, "as 80007"),
    (130429, "Rate limit hit", 400, _B, _T, "requeue at the head, pause the number 1 s, slow down"),
    (131048, "Spam Rate limit hit", 400, _B, _W, "no new users; probe after 1 h, 4 h, 24 h"),
    (131049, "Not delivered to maintain healthy ecosystem engagement", 400, _A, _U,
     "no marketing to this user for 24 h and longer"),
    (131056, "(Business Account, Consumer Account) pair rate limit hit", 400, _B, _T,
     "hold this pair 4^X s"),
    (131208, "Group operations limit reached", 429, _S, _W, "group operations only"),
    (132069, "Flow is throttled", 400, _B, _W, "hold messages with this flow 1 h"),
    (133016, "Account register/deregister rate limit exceeded", 400, _S, _W, "wait 72 h"),
    (138002, "Concurrent calls limit reached", 429, _S, _W, "calling only"),
    (138005, "Call rate limit reached", 429, _S, _W, "calling only"),
    (138009, "Call permission request limit reached", 400, _B, _W, "wait 24 h"),
    (138012, "Connected calls limit reached", 400, _B, _W, "wait 24 h"),
    # R§7.4 recipients
    (130403, "User is blocked by the business", 400, _S, _U, "unblock first"),
    (130472, "User's number is part of an experiment", 400, _A, _U, "fail; no retry"),
    (131021, "Recipient cannot be sender", 400, _S, _C, "fail"),
    (131026, "Message undeliverable", 400, _A, _U, "fail; leave the user alone for 7 d"),
    (131030, "Recipient not in allowed list", 400, _S, _K, "test numbers only"),
    (131036, "Retry receipt cannot be honoured", 400, _A, _X, "failed on the primary device"),
    (131047, "Re-engagement message", 400, _B, _C, "close the window; only templates"),
    (131050, "User has stopped marketing messages", 400, _A, _U, "no marketing until resumed"),
    (131062, "Message type not available for this recipient", 400, _S, _C, "send to the phone"),
    (137000, "Recipient identity has changed", 400, _A, _U, "hold until acknowledged"),
    # R§7.5 content, parameters, templates
    (1, "API Unknown", 400, _S, _X, "no retry unless it may be sent twice"),
    (100, "Invalid parameter", 400, _S, _C, "fail"),
    (131008, "Required parameter is missing", 400, _S, _C, "fail"),
    (131009, "Parameter value is not valid", 400, _B, _C, "fail"),
    (131051, "Unsupported message type", 400, _B, _C, "fail"),
    (131052, "Media download error", 400, _I, _X, "inform the user"),
    (131053, "Media upload error", 400, _A, _C, "fail"),
    (131055, "Method not allowed", 400, _S, _C, "send through /messages"),
    (131063, "Marketing disabled on Cloud API", 400, _S, _C, "send through /marketing_messages"),
    (131065, "Max price not available in the recipient's country", 400, _B, _C,
     "send without max price"),
    (132000, "Template param count mismatch", 400, _S, _C, "fail"),
    (132001, "Template does not exist", 404, _S, _C, "refresh the template, fail"),
    (132005, "Template hydrated text too long", 400, _S, _C, "fail"),
    (132007, "Template format character policy violated", 400, _S, _C, "fail, alert"),
    (132008, "Template parameter value is not valid", 400, _S, _C, "fail"),
    (132012, "Template parameter format mismatch", 400, _S, _C, "fail"),
    (132015, "Template is paused", 400, _B, _W, "stop the template until it is unpaused"),
    (132016, "Template is disabled", 400, _S, _C, "stop the template for good"),
    (132018, "Template parameters are not valid", 400, _S, _C, "fail"),
    (132068, "Flow is blocked", 400, _S, _C, "stop the flow"),
    (134100, "Only marketing messages supported", 400, _S, _C, "send through /messages"),
    (134101, "Template still syncing", 400, _S, _W, "wait 10 min"),
    (134102, "Template unavailable for use", 500, _S, _K, "send through /messages"),
    (135000, "Generic user error", 400, _B, _C, "fail"),
    (139000, "Flow blocked by integrity", 400, _S, _C, "flow tooling"),
    (139001, "Flow failed to update", 400, _S, _C, "flow tooling"),
    (139002, "Flow failed to publish", 400, _S, _C, "flow tooling"),
    (139003, "Flow failed to deprecate", 400, _S, _C, "flow tooling"),
    (139004, "Flow failed to delete", 400, _S, _C, "flow tooling"),
    (200005, "Template insights unavailable", 400, _S, _X, "ignore"),
    (200006, "Template insights cannot be disabled", 400, _S, _X, "ignore"),
    (200007, "Template insights not enabled", 400, _S, _X, "ignore"),
    (1752041, "Duplicate onboarding request", 400, _S, _X, "ignore"),
    (2388019, "Template count limit exceeded", 400, _S, _C, "template tooling"),
    (2388039, "Template format error", 400, _S, _C, "template tooling"),
    (2388040, "Template field too long", 400, _S, _C, "template tooling"),
    (2388047, "Template header format error", 400, _S, _C, "template tooling"),
    (2388072, "Template body format error", 400, _S, _C, "template tooling"),
    (2388073, "Template footer format error", 400, _S, _C, "template tooling"),
    (2388293, "Too many template parameters for its length", 400, _S, _C, "template tooling"),
    (2388299, "Template begins or ends with a parameter", 400, _S, _C, "template tooling"),
    # R§7.6 server side
    (2, "API Service", 503, _S, _X, "back off 5 s to 5 min; no blind resending"),
    (131000, "Something went wrong", 500, _B, _X, "no blind resending"),
    (131016, "Service unavailable", 500, _B, _X, "back off 10 s to 5 min; no blind resending"),
    (131035, "Webhook payload discarded", 400, _I, _X, "data lost, alert"),
    (131057, "Account in maintenance mode", 500, _S, _T, "pause the number 60 s"),
    (131060, "Message unavailable", 400, _I, _X, "ignore"),
    (133004, "Server temporarily unavailable", 503, _S, _T, "back off"),
    (2494100, "Account in maintenance mode", 400, _S, _W, "wait a few minutes"),
    # R§7.7 groups
    (131020, "Group has one member only", 400, _S, _C, "fail"),
    (131041, "Group unknown", 400, _S, _C, "fail"),
    (131059, "Cursor is not valid", 400, _S, _C, "group tooling"),
    (131201, "Partial success", 206, _S, _X, "read the parts"),
    (131202, "Duplicate participant", 400, _S, _C, "group tooling"),
    (131204, "Too many participants", 400, _S, _C, "group tooling"),
    (131207, "Group is suspended", 403, _S, _P, "stop the group"),
    (131209, "Group picture is not valid", 400, _S, _C, "group tooling"),
    (131210, "Group picture failed", 400, _S, _C, "group tooling"),
    (131211, "Group count limit reached", 400, _S, _C, "group tooling"),
    (131212, "Participant unknown", 400, _S, _C, "group tooling"),
    (131213, "Join request unknown", 400, _S, _C, "group tooling"),
    (131214, "Group creation disabled", 400, _S, _P, "fewer marketing messages in groups"),
    (131215, "Number not eligible for groups", 400, _S, _K, "alert"),
    # R§7.7 block list
    (139100, "Bulk block partly failed", 400, _S, _X, "read the parts"),
    (139101, "Block list is full", 400, _S, _C, "fail"),
    (139102, "Block list updated concurrently", 400, _S, _T, "retry"),
    (139103, "Block list internal error", 400, _S, _X, "look before a retry"),
    # R§7.7 registration
    (133000, "Incomplete deregistration", 500, _S, _K, "deregister again"),
    (133005, "Two-step verification PIN mismatch", 400, _S, _K, "correct the PIN"),
    (133006, "Phone number re-verification needed", 400, _S, _K, "verify the number"),
    (133008, "Too many two-step PIN guesses", 400, _S, _W, "wait as the details say"),
    (133009, "Two-step PIN guessed too fast", 400, _S, _W, "wait as the details say"),
    (133010, "Phone number not registered", 400, _S, _K, "register the number"),
    (133015, "Please wait a few minutes before registering", 400, _S, _W, "wait 5 min"),
    (136024, "Phone number already verified", 400, _S, _K, "nothing to do"),
    (2593107, "Synchronization request limit exceeded", 400, _S, _K, "onboard again"),
    (2593108, "Synchronization outside the time window", 400, _S, _K, "onboard again"),
    (2593109, "Synchronization not permitted", 400, _S, _K, "onboard again"),
    # R§7.7 calling
    (138000, "Calling not enabled", 401, _S, _K, "calling only"),
    (138001, "Receiver cannot be called", 400, _S, _U, "calling only"),
    (138003, "Duplicate call", 400, _S, _C, "calling only"),
    (138004, "Call connection error", 500, _S, _X, "calling only"),
    (138006, "No call permission", 401, _S, _U, "calling only"),
    (138007, "Call connection timeout", 500, _S, _X, "calling only"),
    (138013, "Business calls unavailable", 400, _S, _K, "calling only"),
    (138014, "Calling disabled for low quality", 400, _S, _P, "calling only"),
    (138015, "Calling needs a limit of 2,000", 400, _S, _K, "calling only"),
    (138017, "Permanent call permission exists", 400, _S, _C, "calling only"),
    (138018, "Calling prerequisites not met", 400, _S, _K, "calling only"),
    (138019, "Call terminated", 400, _I, _X, "calling only"),
    (138020, "Call terminated", 400, _I, _X, "calling only"),
    (138021, "Call terminated", 400, _I, _X, "calling only"),
    (138022, "Call terminated", 400, _I, _X, "calling only"),
    (138023, "Call terminated", 400, _I, _X, "calling only"),
    (138038, "Not the primary for calls", 400, _S, _K, "calling only"),
    # R§7.7 business usernames, conversation routing
    (147001, "Business username error", 400, _S, _C, "username tooling"),
    (147002, "Business username error", 400, _S, _C, "username tooling"),
    (147003, "Business username error", 400, _S, _C, "username tooling"),
    (147004, "Business username error", 400, _S, _C, "username tooling"),
    (147005, "Business username error", 400, _S, _C, "username tooling"),
    (2494191, "Taking the thread is not permitted", 400, _S, _K, "conversation routing only"),
)
# fmt: on

ERROR_CODES: Final = {row[0]: ErrorCode(*row) for row in _ROWS}


def lookup(code: int) -> ErrorCode:
    """Return what is known of `code`; an unknown one is ambiguous and titled "Unknown error".

    All of 200-299 are missing permissions. Source: ERR, 11 Sep 2026 (R§7.1).
    """
    if code in _PERMISSION_CODES:
        return ErrorCode(code, "API Permission", *_PERMISSION)
    known = ERROR_CODES.get(code)
    return known or ErrorCode(code, "Unknown error", 400, _B, _X, "show to the operator")
