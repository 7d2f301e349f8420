"""The form of interactive messages. Source: OAPI v23.0, SEND 21 May 2026 (R§1.3)."""

from typing import Any

import pytest

from gateway.emulator import interactive


def button(*titles: str, **changes: Any) -> dict[str, Any]:
    buttons = [
        {"type": "reply", "reply": {"id": f"id-{at}", "title": title}}
        for at, title in enumerate(titles)
    ]
    return {"type": "button", "body": {"text": "Choose"}, "action": {"buttons": buttons}} | changes


def listed(*rows_of_sections: int, **changes: Any) -> dict[str, Any]:
    sections = [
        {"title": "Section", "rows": [{"id": f"{at}-{row}", "title": "Row"} for row in range(rows)]}
        for at, rows in enumerate(rows_of_sections)
    ]
    action = {"button": "Open", "sections": sections}
    return {"type": "list", "body": {"text": "Choose"}, "action": action} | changes


def reply(**changes: Any) -> dict[str, Any]:
    return button() | {
        "action": {"buttons": [{"type": "reply", "reply": {"id": "a", "title": "A"} | changes}]}
    }


RIGHT = [
    button("A", "B", "x" * 20),
    button("A", footer={"text": "x" * 60}, body={"text": "x" * 1024}),
    reply(id="x" * 256),
    listed(10),
    listed(*[1] * 10),
    listed(1, body={"text": "x" * 4096}),
    {"type": "call_permission_request"},
    {"type": "product", "action": {"catalog_id": "1"}},
    {"type": "contact_request", "body": {"text": "a"}},
]


@pytest.mark.parametrize("payload", RIGHT)
def test_what_just_fits_is_right(payload: dict[str, Any]) -> None:
    assert interactive.problem(payload) is None


WRONG = [
    ("no type", {}, 131008),
    ("a type of a number", {"type": 1}, 100),
    ("a type nobody knows", {"type": "hologram"}, 131009),
    ("four buttons", button("A", "B", "C", "D"), 131009),
    ("no button", button(), 131009),
    ("a title too long", button("x" * 21), 131009),
    ("an empty title", button(""), 131008),
    ("an id too long", reply(id="x" * 257), 131009),
    ("an id of a number", reply(id=1), 100),
    ("an id twice", button() | {"action": {"buttons": [{"reply": {"id": "a", "title": "A"}}] * 2}},
     131009),
    ("a button without reply", button() | {"action": {"buttons": [{}]}}, 131008),
    ("buttons as an object", button() | {"action": {"buttons": {}}}, 100),
    ("buttons of text", button() | {"action": {"buttons": ["A"]}}, 100),
    ("a list without buttons", button() | {"action": {}}, 131008),
    ("eleven rows in one section", listed(11), 131009),
    ("eleven rows in all", listed(6, 5), 131009),
    ("eleven sections", listed(*[1] * 11), 131009),
    ("a section without rows", listed(0), 131009),
    ("a row without title", listed() | {"action": {"button": "a", "sections": [
        {"rows": [{"id": "a"}]}]}}, 131008),
    ("a list without its button", listed() | {"action": {"sections": []}}, 131008),
    ("a body too long", button("A", body={"text": "x" * 1025}), 131009),
    ("a list's body too long", listed(1, body={"text": "x" * 4097}), 131009),
    ("a footer too long", button("A", footer={"text": "x" * 61}), 131009),
    ("a body as text", button("A", body="Choose"), 100),
    ("an empty body", button("A", body={}), 131008),
    ("no body", {"type": "button", "action": button("A")["action"]}, 131008),
    ("no action", {"type": "cta_url", "body": {"text": "a"}}, 131008),
    ("an action as text", {"type": "flow", "body": {"text": "a"}, "action": "flow"}, 100),
]  # fmt: skip


@pytest.mark.parametrize(("what", "payload", "code"), WRONG, ids=[each[0] for each in WRONG])
def test_what_is_wrong_is_said(what: str, payload: dict[str, Any], code: int) -> None:
    problem = interactive.problem(payload)
    assert problem is not None, what
    assert problem.code == code, problem
