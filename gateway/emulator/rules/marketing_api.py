"""Keeps each of the two send endpoints to the templates that are meant for it.

Source: MM, late 2025 to Sep 2026; ERR, 18 Jun 2026 (R§1.7).
"""

from gateway.emulator.rules.case import Case, Finding

STRICT = "STRICT"
_POLICIES = frozenset({"CLOUD_API_FALLBACK", STRICT})
_INVALID, _NO_TEMPLATE, _NOT_ON_CLOUD_API, _NOT_MARKETING, _NOT_ONBOARDED = (
    100,
    131055,
    131063,
    134100,
    134102,
)


def marketing_api(case: Case) -> Finding | None:
    """Send marketing only through `/marketing_messages`, and all of it there if the WABA says so.

    131055 is no template, 134100 one that is not marketing, 134102 a WABA that is not onboarded
    when `product_policy` is STRICT, 131063 marketing on `/messages` of a WABA that forbids it.
    """
    if not case.by_marketing_api:
        return _on_cloud_api(case)
    if case.send.type != "template":
        return _finding(_NO_TEMPLATE, "Only templates may be sent here.")
    if case.template is not None and case.template.category != "MARKETING":
        return _finding(_NOT_MARKETING, "Only marketing templates may be sent here.")
    policy = case.send.product_policy
    if policy is not None and policy not in _POLICIES:
        names = " or ".join(sorted(_POLICIES))
        return _finding(_INVALID, f"The parameter product_policy must be {names}.")
    if policy == STRICT and not _is_onboarded(case):
        return _finding(_NOT_ONBOARDED, "The account is not onboarded to the MM API.")
    return None


def is_lite(case: Case) -> bool:
    """Whether a message is priced as `marketing_lite`, not sent by the Cloud API in its stead."""
    return case.by_marketing_api and _is_onboarded(case)


def _on_cloud_api(case: Case) -> Finding | None:
    if case.template is None or case.template.category != "MARKETING":
        return None
    if not case.registry.waba(case.number.waba_id).disable_marketing_messages_on_cloud_api:
        return None
    return _finding(_NOT_ON_CLOUD_API, "Send marketing templates to /marketing_messages.")


def _is_onboarded(case: Case) -> bool:
    return case.registry.waba(case.number.waba_id).marketing_messages_onboarded


def _finding(code: int, detail: str) -> Finding:
    return Finding("marketing_api", code, detail)
