"""Holds a number to how often it may ask a user for permission to call."""

from gateway.emulator.rules.case import Case, Finding

_KIND = "call_permission_request"


def call_permission(case: Case) -> Finding | None:
    """Refuse the second request of a day and the third of a week to a user.

    Source: CALL, 13 Nov 2025 (R§1.9).
    """
    if not is_request(case):
        return None
    if case.memory.calling.may_ask((case.number.id, case.send.user), case.now):
        return None
    detail = "This user was asked for permission to call once in 24 hours or twice in 7 days."
    return Finding("call_permission", 138009, detail)


def is_request(case: Case) -> bool:
    """Whether the message, free-form or by template, asks for permission to call."""
    if case.send.type == "interactive":
        return bool(case.send.payload.get("type") == _KIND)
    if case.template is None:
        return False
    for component in case.template.components:  # plain, since every template comes by here
        if str(component.get("type")).lower() == _KIND:
            return True
    return False
