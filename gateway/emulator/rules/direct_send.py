"""Lets a message that says it is utility leave without a template, as Direct Send does.

Source: DIRECT, 2026, a beta (R§1.8).
"""

from gateway.emulator.rules.case import Case, Finding

RESTRICTION = "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES"
_INVALID, _BLOCKED = 100, 139200


def direct_send(case: Case) -> Finding | None:
    """Refuse a `category` that Direct Send does not know (100), or an abuser of it (139200).

    Meta does not say what becomes of a `category` on other types; it is refused, for it promises
    what cannot be kept. On a template it means nothing and is passed over.
    """
    send = case.send
    if send.category is None or send.type == "template":
        return None
    if not send.is_direct:
        detail = "The parameter category must be utility, on text, reply buttons or cta_url."
        return Finding("direct_send", _INVALID, detail)
    for each in case.registry.restrictions_of(case.number.waba_id, case.now):
        if each.restriction_type == RESTRICTION:
            return Finding("direct_send", _BLOCKED, f"The account is under {RESTRICTION}.")
    return None
