from typing import Any

import pytest

from gateway.emulator.errors import Refusal
from gateway.emulator.rules import template_definition
from gateway.emulator.rules.template_definition import Definition

BODY = {"type": "BODY", "text": "Hello {{1}}, welcome."}
GOOD: dict[str, Any] = {
    "name": "welcome_1",
    "language": "en_US",
    "category": "utility",
    "components": [BODY],
}


def body(text: str) -> dict[str, Any]:
    return {"components": [{"type": "BODY", "text": text}]}


def beside(**component: Any) -> dict[str, Any]:
    return {"components": [BODY, component]}


def test_a_sound_template_is_read() -> None:
    read = template_definition.read(GOOD)
    assert isinstance(read, Definition)
    assert (read.category, read.parameter_format) == ("UTILITY", "POSITIONAL")
    assert read.components == [BODY]


def test_components_may_come_as_text() -> None:
    """Forms have no lists."""
    read = template_definition.read(GOOD | {"components": '[{"type":"BODY","text":"Hi"}]'})
    assert isinstance(read, Definition)


@pytest.mark.parametrize(
    "change",
    [
        beside(type="HEADER", format="IMAGE"),
        beside(type="HEADER", format="TEXT", text="For {{1}}"),
        beside(type="FOOTER", text="Bye"),
        beside(type="BUTTONS", buttons=[{"type": "QUICK_REPLY"}]),
        body("Hello {{first_name}}, welcome.") | {"parameter_format": "named"},
        body("a" * 1024),
        {"category": "AUTHENTICATION", "components": [{"type": "body"}]},
        {"message_send_ttl_seconds": 43_200},
        {"message_send_ttl_seconds": "-1"},
    ],
)
def test_what_meta_allows_is_allowed(change: dict[str, Any]) -> None:
    assert isinstance(template_definition.read(GOOD | change), Definition)


@pytest.mark.parametrize(
    ("change", "subcode"),
    [
        ({"name": None}, None),
        ({"name": "Shouted"}, None),
        ({"name": "a" * 513}, None),
        ({"language": ""}, None),
        ({"language": "English!"}, None),
        ({"category": "SPAM"}, None),
        ({"parameter_format": "LOOSE"}, None),
        ({"components": []}, 2388072),
        ({"components": "["}, 2388072),
        ({"components": ["BODY"]}, 2388072),
        ({"components": [{"type": "BODY"}]}, 2388072),
        (body("Hello {{2}}, welcome."), 2388072),
        (body("Hello {{name}}, welcome."), 2388072),
        (body("Hello {{1}}, welcome.") | {"parameter_format": "NAMED"}, 2388072),
        (body("{{1}}, hello there."), 2388299),
        (body("Hello there, {{1}}!"), 2388299),
        (body("a" * 1025), 2388040),
        (beside(type="HEADER", format="TEXT", text="a" * 61), 2388040),
        (beside(type="HEADER", format="TEXT", text="{{1}} {{2}}"), 2388047),
        (beside(type="HEADER", format="SOUND"), 2388047),
        (beside(type="FOOTER", text="a" * 61), 2388040),
        (beside(type="FOOTER", text="Bye {{1}}"), 2388073),
        (beside(type="BUTTONS", buttons=[{}] * 11), None),
        (beside(type="BUTTONS", buttons={}), None),
        ({"message_send_ttl_seconds": 29}, None),
        ({"message_send_ttl_seconds": 43_201}, None),
        ({"message_send_ttl_seconds": "soon"}, None),
    ],
)
def test_what_is_wrong_is_told_to_a_person(change: dict[str, Any], subcode: int | None) -> None:
    """Source: ERR, 12 Dec 2025; TTL (R§1.10, R§6.4, R§7.5)."""
    refusal = template_definition.read(GOOD | change)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.subcode) == (100, subcode)
    assert refusal.user_title
    assert refusal.user_message


@pytest.mark.parametrize(
    ("category", "seconds", "is_sound"),
    [
        ("AUTHENTICATION", 900, True),
        ("AUTHENTICATION", 901, False),
        ("MARKETING", 43_199, False),
        ("MARKETING", 2_592_000, True),
    ],
)
def test_each_category_has_its_own_lives(category: str, seconds: int, *, is_sound: bool) -> None:
    """Source: TTL (R§6.4)."""
    change = {"category": category, "message_send_ttl_seconds": seconds}
    assert isinstance(template_definition.read(GOOD | change), Definition) is is_sound
