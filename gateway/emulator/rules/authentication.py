"""Keeps one-time passwords from users whose phone number is not known."""

from gateway.emulator.rules.case import Case, Finding


def authentication(case: Case) -> Finding | None:
    """Refuse an authentication template to a business-scoped user id.

    Source: BSUID, 15 Sep 2026 (R§1.4): one-tap, zero-tap and copy-code need a phone number, and
    there are no others.
    """
    if not case.send.by_bsuid or case.template is None:
        return None
    if case.template.category != "AUTHENTICATION":
        return None
    detail = "Authentication templates need the recipient's phone number."
    return Finding("authentication", 131062, detail)
