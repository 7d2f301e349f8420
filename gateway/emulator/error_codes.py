"""Lists every error code of Meta's with its title, its HTTP status and how it can be told."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code is called, which HTTP status carries it and by which channels it can come.

    `channels` holds S for an error answer, A for a failed status, V for the `errors` of a webhook's
    value and I for those of a user's message; it is empty for what only `health_status` tells.
    """

    title: str
    http_status: int = 400
    channels: str = "S"


UNLISTED: Final = Meaning("Unknown error")

# Source: ERR, 12 Dec 2025, the last table with titles and an HTTP column (R§7.1-7.8). Where that
# table is silent the status is 400 and the title a short label of ours.
_ACCESS: Final = {
    0: Meaning("AuthException", 401),
    3: Meaning("API Method", 500),
    10: Meaning("Permission Denied", 403),
    33: Meaning("Parameter value is not valid"),
    104: Meaning("Incorrect signature"),
    190: Meaning("Access token has expired", 401),
    **{code: Meaning("API Permission", 403) for code in range(200, 300)},
    803: Meaning("Object does not exist", 404),
    2500: Meaning("Unknown path components"),
    131005: Meaning("Access denied", 403, "SA"),
}
_POLICY: Final = {
    368: Meaning("Temporarily blocked for policies violations", 403),
    130497: Meaning(
        "Business account is restricted from messaging users in this country", 403, "SA"
    ),
    131031: Meaning("Account has been locked", 403, "SA"),
    131037: Meaning("Number needs display name approval", 400, "SA"),
    131042: Meaning("Business eligibility payment issue", 400, "SA"),
    131044: Meaning("Business eligibility payment issue of a call", 400, "I"),
    131045: Meaning("Incorrect certificate", 500, "SA"),
    131064: Meaning("Messaging limited for misclassified templates"),
    134011: Meaning("Payments terms of service not accepted"),
    138024: Meaning("Business cannot send messages", 400, ""),
    138025: Meaning("Business cannot send messages", 400, ""),
    139200: Meaning("Direct Send blocked"),
    141002: Meaning("Phone number cannot send messages", 400, ""),
}
_THROTTLING: Final = {
    4: Meaning("API Too Many Calls"),
    17: Meaning("API User Too Many Calls"),
    32: Meaning("Page Too Many Calls"),
    613: Meaning("Calls exceeded a custom limit"),
    80007: Meaning("Rate limit issues", 400, "SA"),
    80008: Meaning("Too many calls to this WhatsApp Business account"),
    130429: Meaning("Rate limit hit", 400, "SAV"),
    131048: Meaning("Spam Rate limit hit", 400, "SA"),
    131049: Meaning("Meta chose not to deliver", 400, "A"),
    131056: Meaning("(Business Account, Consumer Account) pair rate limit hit", 400, "SA"),
    131208: Meaning("Group operations rate limit hit", 429),
    132069: Meaning("Flow is throttled", 400, "SA"),
    133016: Meaning("Account register/deregister rate limit exceeded"),
    138002: Meaning("Concurrent calls limit reached", 429),
    138005: Meaning("Call initiation rate limit hit", 429),
    138009: Meaning("Call permission request limit reached", 400, "SA"),
    138012: Meaning("Connected calls limit reached", 400, "SA"),
}
_RECIPIENTS: Final = {
    130403: Meaning("User is blocked by the business"),
    130472: Meaning("User's number is part of an experiment", 400, "A"),
    131021: Meaning("Recipient cannot be sender"),
    131026: Meaning("Message undeliverable", 400, "SA"),
    131030: Meaning("Recipient phone number not in allowed list"),
    131036: Meaning("Retry receipt cannot be honoured", 400, "A"),
    131047: Meaning("Re-engagement message", 400, "SA"),
    131050: Meaning("User stopped marketing", 400, "A"),
    131062: Meaning("Message type not available for this recipient"),
    137000: Meaning("Recipient identity key mismatch", 400, "A"),
}
_CONTENT: Final = {
    1: Meaning("API Unknown"),
    100: Meaning("Invalid parameter"),
    131008: Meaning("Required parameter is missing"),
    131009: Meaning("Parameter value is not valid", 400, "SA"),
    131051: Meaning("Unsupported message type", 400, "SAI"),
    131052: Meaning("Media download error", 400, "I"),
    131053: Meaning("Media upload error", 400, "SA"),
    131055: Meaning("Method not allowed"),
    131063: Meaning("Marketing templates disabled on Cloud API"),
    131065: Meaning("Max price not available in this country", 400, "SA"),
    132000: Meaning("Template param count mismatch"),
    132001: Meaning("Template does not exist", 404),
    132005: Meaning("Template hydrated text too long"),
    132007: Meaning("Template format character policy violated"),
    132008: Meaning("Template parameter value is not valid"),
    132012: Meaning("Template parameter format mismatch"),
    132015: Meaning("Template is paused", 400, "SA"),
    132016: Meaning("Template is disabled"),
    132018: Meaning("Template parameters are not valid"),
    132068: Meaning("Flow is blocked"),
    134100: Meaning("Only marketing messages supported"),
    134101: Meaning("Template still syncing"),
    134102: Meaning("Template unavailable for use", 500),
    135000: Meaning("Generic user error", 400, "SA"),
    **{code: Meaning("Flow cannot be sent") for code in range(139000, 139005)},
    **{code: Meaning("Template insights not available") for code in range(200005, 200008)},
    1752041: Meaning("Onboarding was requested already"),
    2388019: Meaning("Template limit exceeded"),
    2388024: Meaning("Template exists already in this language"),
    **{
        code: Meaning("Template format is not valid")
        for code in (2388039, 2388040, 2388047, 2388072, 2388073, 2388293, 2388299)
    },
}
_AVAILABILITY: Final = {
    2: Meaning("API Service", 503),
    131000: Meaning("Something went wrong", 500, "SA"),
    131016: Meaning("Service unavailable", 500, "SA"),
    131035: Meaning("Webhook payload discarded", 400, "V"),
    131057: Meaning("Account in maintenance mode", 500),
    131060: Meaning("Message unavailable", 400, "I"),
    133004: Meaning("Server temporarily unavailable", 503),
    2494100: Meaning("Account in maintenance mode"),
}
_GROUPS: Final = {
    131020: Meaning("Group has one member only"),
    131041: Meaning("Group is unknown"),
    131059: Meaning("Cursor is not valid"),
    131201: Meaning("Group operation partly successful", 206),
    131202: Meaning("Participant is duplicate"),
    131204: Meaning("Too many participants"),
    131207: Meaning("Group is suspended", 403),
    131209: Meaning("Group picture is not valid"),
    131210: Meaning("Group picture is not valid"),
    131211: Meaning("Too many groups"),
    131212: Meaning("Participant is not valid"),
    131213: Meaning("Join request is not valid"),
    131214: Meaning("Group creation is disabled"),
    131215: Meaning("Phone number is not eligible for groups"),
}
_BLOCK_LIST: Final = {
    139100: Meaning("Failed to block/unblock some users"),
    139101: Meaning("Block list limit reached"),
    139102: Meaning("Block list was updated concurrently"),
    139103: Meaning("Block list internal error"),
}
_REGISTRATION: Final = {
    133000: Meaning("Incomplete deregistration", 500),
    133005: Meaning("Two-step verification PIN mismatch"),
    133006: Meaning("Phone number re-verification needed"),
    133008: Meaning("Too many two-step PIN guesses"),
    133009: Meaning("PIN guessed too fast"),
    133010: Meaning("Phone number not registered"),
    133015: Meaning("Wait before registering"),
    136024: Meaning("Phone number already verified"),
    **{code: Meaning("Sync limit reached") for code in (2593107, 2593108, 2593109)},
}
_CALLING: Final = {
    138000: Meaning("Calling is not enabled", 401),
    138001: Meaning("Receiver cannot be called"),
    138003: Meaning("Duplicate call"),
    138004: Meaning("Call connection error", 500),
    138006: Meaning("No approved call permission", 401),
    138007: Meaning("Call connection timeout", 500),
    138013: Meaning("Business-initiated calling is not available"),
    138014: Meaning("Calling is disabled for low quality"),
    138015: Meaning("Messaging limit too low for calling"),
    138017: Meaning("Permanent call permission exists"),
    138018: Meaning("Calling prerequisites are not met"),
    **{code: Meaning("Call was terminated") for code in range(138019, 138024)},
    138038: Meaning("Not the primary solution for calls"),
}
_OTHERS: Final = {
    **{code: Meaning("Business username error") for code in range(147001, 147006)},
    2494191: Meaning("Taking the thread is not permitted"),
}

MEANINGS: Final[dict[int, Meaning]] = {
    **_ACCESS,
    **_POLICY,
    **_THROTTLING,
    **_RECIPIENTS,
    **_CONTENT,
    **_AVAILABILITY,
    **_GROUPS,
    **_BLOCK_LIST,
    **_REGISTRATION,
    **_CALLING,
    **_OTHERS,
}

# What some say comes with 429 although Meta's table says 400 (R§12.1 row 8).
THROTTLES: Final = frozenset({4, 80007, 80008, 130429, 131056})
# Graph's own errors, which are not about messages and say no more than their message (R§1.10).
WITHOUT_DATA: Final = frozenset(
    {0, 2, 3, 4, 10, 17, 32, 33, 104, 190, 613, 803, 2500, 80008, *range(200, 300)}
)


def meaning_of(code: int) -> Meaning:
    """Title, HTTP status and channels of a code; an unlisted one gets a plain title and 400."""
    return MEANINGS.get(code, UNLISTED)
