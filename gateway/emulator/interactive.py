"""Says what is wrong with the form of an interactive message."""

from typing import Any

from gateway.emulator.errors import Refusal

# Source: OAPI, SEND 21 May 2026, BSUID 15 Sep 2026 (R§1.3).
KINDS = frozenset(
    {
        "address_message",
        "button",
        "call_permission_request",
        "carousel",
        "catalog_message",
        "contact_request",  # what request_contact_info was called until 28 May 2026
        "cta_url",
        "flow",
        "list",
        "location_request_message",
        "order_details",
        "order_status",
        "product",
        "product_list",
        "request_contact_info",
        "voice_call",
    }
)
_NEED_BODY = frozenset({"button", "cta_url", "flow", "list", "product_list"})
_LONGEST_BODY = 1024
_LONGEST_LIST_BODY = 4096
_LONGEST_FOOTER = 60
_MOST_BUTTONS = 3
_LONGEST_TITLE = 20
_LONGEST_ID = 256
_MOST_ROWS = 10
_MOST_SECTIONS = 10


def problem(payload: dict[str, Any]) -> Refusal | None:
    """Find the first thing wrong: 131008 missing, 100 of the wrong type, 131009 a bad value."""
    kind = payload.get("type")
    if kind is None:
        return Refusal(131008, "The parameter interactive.type is required.")
    if not isinstance(kind, str):
        return Refusal(100, "The parameter interactive.type must be a string.")
    if kind not in KINDS:
        return Refusal(131009, f"The interactive type {kind!r} does not exist.")
    wrong = _text(payload, "body", _LONGEST_LIST_BODY if kind == "list" else _LONGEST_BODY)
    wrong = wrong or _text(payload, "footer", _LONGEST_FOOTER)
    if wrong is None and kind in _NEED_BODY and "body" not in payload:
        return Refusal(131008, "The parameter interactive.body is required.")
    return wrong or _action(kind, payload)


def _text(payload: dict[str, Any], part: str, longest: int) -> Refusal | None:
    if part not in payload:
        return None
    where = f"interactive.{part}"
    if not isinstance(payload[part], dict):
        return Refusal(100, f"The parameter {where} must be an object.")
    return _string(payload[part], where, "text", longest)


def _action(kind: str, payload: dict[str, Any]) -> Refusal | None:
    action = payload.get("action")
    if action is None:
        if kind not in _NEED_BODY:
            return None
        return Refusal(131008, "The parameter interactive.action is required.")
    if not isinstance(action, dict):
        return Refusal(100, "The parameter interactive.action must be an object.")
    match kind:
        case "button":
            return _buttons(action)
        case "list":
            return _string(action, "action", "button", _LONGEST_TITLE) or _sections(action)
        case _:
            return None


def _buttons(action: dict[str, Any]) -> Refusal | None:
    buttons = _objects(action, "action", "buttons", _MOST_BUTTONS)
    if isinstance(buttons, Refusal):
        return buttons
    replies = [each.get("reply") for each in buttons]
    for reply in replies:
        if not isinstance(reply, dict):
            return Refusal(131008, "Every button needs an object reply.")
        wrong = _string(reply, "reply", "id", _LONGEST_ID)
        wrong = wrong or _string(reply, "reply", "title", _LONGEST_TITLE)
        if wrong is not None:
            return wrong
    ids = [reply["id"] for reply in replies if isinstance(reply, dict)]
    return None if len(set(ids)) == len(ids) else Refusal(131009, "The ids of buttons must differ.")


def _sections(action: dict[str, Any]) -> Refusal | None:
    sections = _objects(action, "action", "sections", _MOST_SECTIONS)
    if isinstance(sections, Refusal):
        return sections
    rows = 0
    for section in sections:
        listed = _objects(section, "section", "rows", _MOST_ROWS)
        if isinstance(listed, Refusal):
            return listed
        rows += len(listed)
        for row in listed:
            wrong = _string(row, "row", "id", _LONGEST_ID) or _string(row, "row", "title")
            if wrong is not None:
                return wrong
    return None if rows <= _MOST_ROWS else Refusal(131009, f"A list has {_MOST_ROWS} rows at most.")


def _objects(
    whole: dict[str, Any], where: str, key: str, most: int
) -> list[dict[str, Any]] | Refusal:
    """Read a list of one to `most` objects."""
    listed = whole.get(key)
    if listed is None:
        return Refusal(131008, f"The parameter {where}.{key} is required.")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        return Refusal(100, f"The parameter {where}.{key} must be an array of objects.")
    if not 1 <= len(listed) <= most:
        return Refusal(131009, f"The parameter {where}.{key} must have 1 to {most} entries.")
    return listed


def _string(
    whole: dict[str, Any], where: str, key: str, longest: int | None = None
) -> Refusal | None:
    value = whole.get(key)
    if value is None or value == "":
        return Refusal(131008, f"The parameter {where}.{key} is required.")
    if not isinstance(value, str):
        return Refusal(100, f"The parameter {where}.{key} must be a string.")
    if longest is not None and len(value) > longest:
        return Refusal(131009, f"The parameter {where}.{key} is longer than {longest} characters.")
    return None
