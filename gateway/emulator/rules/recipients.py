"""Says what becomes of an accepted message because of who its recipient is; nobody's fault."""

from gateway.emulator.rules.case import Case, Finding


def fate(case: Case) -> Finding | None:
    """Find the failure that the recipient has in store, if any; told by a failed status.

    Source: ERR 18 Jun 2026, EXP 2025, PUM 29 Apr 2026 (R§6.5, R§7.4). Experiments and the cap of
    marketing messages leave alone what is sent inside an open service window.
    """
    person = case.people.get(case.send.user)
    if person is None:
        return None
    if person.not_on_whatsapp:
        return Finding("recipient", 131026, "The recipient is not on WhatsApp.", "async")
    if case.is_reply or case.template is None or case.template.category != "MARKETING":
        return None
    if person.in_experiment:
        return Finding("recipient", 130472, "The recipient is part of an experiment.", "async")
    if person.capped:
        detail = "The recipient has received enough marketing messages for now."
        return Finding("recipient", 131049, detail, "async")
    return None
