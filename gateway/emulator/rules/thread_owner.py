"""Lets only the solution that owns a conversation send free-form messages in it."""

from gateway.emulator.rules.case import Case, Finding


def thread_owner(case: Case) -> Finding | None:
    """Refuse free-form messages in a thread that was passed on; templates may be sent still.

    Source: CHLOG #455, #458 (R§1.9). Meta's code is not documented; code 1 is clearly made up
    (R§12.1 row 29).
    """
    passed_on = case.memory.threads_passed_on
    if not passed_on or case.send.type == "template":
        return None
    if (case.number.id, case.send.user) not in passed_on:
        return None
    return Finding("thread_owner", 1, "conversation not owned")
