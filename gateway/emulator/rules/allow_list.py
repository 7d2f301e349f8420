"""Lets a test number write to a handful of people only."""

from gateway.emulator.rules.case import Case, Finding

SIZE = 5


def allow_list(case: Case) -> Finding | None:
    """Refuse a test number its sixth recipient; the first five are its allow list.

    Source: ABOUT, 4 Aug 2026 for the list, third parties for its size (R§2.1, R§12.1 row 35).
    """
    if not case.number.is_test_number:
        return None
    allowed = case.memory.allow_lists.get(case.number.id, ())
    if case.send.user in allowed or len(allowed) < SIZE:
        return None
    return Finding("allow_list", 131030, "The recipient is not on the test number's allow list.")


def enrol(case: Case) -> None:
    """Put the recipient of an accepted message on the list of a test number."""
    allowed = case.memory.allow_lists.setdefault(case.number.id, set())
    if len(allowed) < SIZE:
        allowed.add(case.send.user)
