"""The form of a message, in the order of R§12.3."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.emulator import identity, messages
from gateway.emulator.errors import Refusal
from gateway.emulator.messages import Receipt, Send
from tests.emulator.conftest import FIRST, state, template, text
from tests.payloads import OWN_SENDS, REAL_SENDS

STATE = state()
NUMBER = STATE.registry.numbers[FIRST]


def parse(message: Any, *, lenient: bool = False) -> Send | Receipt | Refusal:
    body = message if isinstance(message, bytes) else orjson.dumps(message)
    return messages.parse(body, NUMBER, lenient=lenient)


def sent(message: Any) -> Send:
    parsed = parse(message)
    assert isinstance(parsed, Send), parsed
    return parsed


COMPONENTS = {"name": "a", "language": {"code": "en"}, "components": {}}
TWO_SOURCES = {"id": "1", "link": "x"}
BAD_BSUID = {"messaging_product": "whatsapp", "recipient": "x", "text": {"body": "a"}}
VOICE = {"id": "1", "voice": "yes"}
TEXTS = {"name": "a", "language": {"code": "en"}, "components": ["a"]}
NUMBERED = {"name": 1, "language": {"code": "en"}}
CODELESS = {"name": "a", "language": {}}
NUMBER_EMOJI = {"message_id": "a", "emoji": 1}
IN_WORDS = {"latitude": "north", "longitude": 1}
OFF_EARTH = {"latitude": 91, "longitude": 1}
HALF_NAME = [{"name": {"first_name": "Ana"}}]
GROUP = {"messaging_product": "whatsapp", "to": "GROUP1", "recipient_type": "group"}


def image(**source: Any) -> dict[str, Any]:
    return text() | {"type": "image", "image": source}


WRONG: list[tuple[str, Any, int]] = [
    ("no JSON", b"{", 100),
    ("no object", b"[]", 100),
    ("no product", {"to": "+34600000001"}, 100),
    ("another product", text() | {"messaging_product": "sms"}, 100),
    ("no recipient", {"messaging_product": "whatsapp", "type": "text"}, 131008),
    ("a number as recipient", text() | {"to": 34600000001}, 100),
    ("a placeholder as recipient", text("{{Recipient-Phone-Number}}"), 131009),
    ("oneself", text("+15550001111"), 131021),
    ("an odd recipient_type", text() | {"recipient_type": "crowd"}, 100),
    ("a bad BSUID", BAD_BSUID, 131009),
    ("an undocumented type", text() | {"type": "hologram"}, 131051),
    ("a type that is no string", text() | {"type": 7}, 100),
    ("no payload", text() | {"type": "image"}, 131008),
    ("a payload of the wrong kind", text() | {"text": "hello"}, 100),
    ("no body", text() | {"text": {}}, 131008),
    ("a body that is no string", text() | {"text": {"body": 1}}, 100),
    ("a body too long", text(body="x" * 4097), 100),
    ("callback data too long", text(biz_opaque_callback_data="x" * 513), 100),
    ("callback data that is no string", text(biz_opaque_callback_data=1), 100),
    ("a context that is no object", text(context="wamid"), 100),
    ("media without source", text() | {"type": "image", "image": {}}, 131008),
    ("media with two sources", text() | {"type": "image", "image": TWO_SOURCES}, 131009),
    ("no language", template() | {"template": {"name": "promo"}}, 131008),
    ("language as text", template() | {"template": {"name": "promo", "language": "en"}}, 100),
    ("no template name", template() | {"template": {"language": {"code": "en"}}}, 131008),
    ("components as object", template() | {"template": COMPONENTS}, 100),
    ("a reaction to nothing", text() | {"type": "reaction", "reaction": {"emoji": "x"}}, 131008),
    ("interactive without type", text() | {"type": "interactive", "interactive": {}}, 131008),
    ("a caption too long", image(id="1", caption="x" * 1025), 100),
    ("a caption that is no text", image(id="1", caption=1), 100),
    ("a link that is no text", image(link=1), 100),
    ("a preview that is no yes or no", text() | {"text": {"body": "a", "preview_url": "yes"}}, 100),
    ("a voice that is no yes or no", text() | {"type": "audio", "audio": VOICE}, 100),
    ("a context without a message", text(context={}), 131008),
    ("a context of a number", text(context={"message_id": 1}), 100),
    ("components of text", template() | {"template": TEXTS}, 100),
    ("a template named by a number", template() | {"template": NUMBERED}, 100),
    ("a language without a code", template() | {"template": CODELESS}, 131008),
    ("an emoji of a number", text() | {"type": "reaction", "reaction": NUMBER_EMOJI}, 100),
    ("a pin for one person", text() | {"type": "pin", "pin": {"message_id": "wamid.x"}}, 131009),
    ("a pin of nothing", GROUP | {"type": "pin", "pin": {}}, 131008),
    ("an unpin for one person", text() | {"type": "unpin", "unpin": {"message_id": "a"}}, 131009),
    ("a location in words", text() | {"type": "location", "location": IN_WORDS}, 100),
    ("a location off the Earth", text() | {"type": "location", "location": OFF_EARTH}, 131009),
    ("a contact without name", text() | {"type": "contacts", "contacts": [{}]}, 131008),
    ("a contact's name as text", text() | {"type": "contacts", "contacts": [{"name": "a"}]}, 100),
    ("a contact's name in part", text() | {"type": "contacts", "contacts": HALF_NAME}, 131008),
    ("an unknown kind of recipient", text(recipient_type="crowd"), 100),
    ("half a location", text() | {"type": "location", "location": {"latitude": 1}}, 131008),
    ("no contacts", text() | {"type": "contacts", "contacts": []}, 131008),
    ("contacts of text", text() | {"type": "contacts", "contacts": ["a"]}, 100),
    ("another status", {"messaging_product": "whatsapp", "status": "delivered"}, 131009),
    ("read what", {"messaging_product": "whatsapp", "status": "read"}, 131008),
    ("read a number", {"messaging_product": "whatsapp", "status": "read", "message_id": 1}, 100),
]  # fmt: skip


@pytest.mark.parametrize(("what", "message", "code"), WRONG, ids=[each[0] for each in WRONG])
def test_what_is_wrong_is_refused(what: str, message: Any, code: int) -> None:
    """Source: OAPI v23.0, SEND 21 May 2026 (R§1.2, R§1.3, R§7.5)."""
    refusal = parse(message)
    assert isinstance(refusal, Refusal), what
    assert refusal.code == code


def test_an_absent_type_is_text() -> None:
    """Source: R§1.2; one example of Meta's own leaves it out with another payload."""
    listed = {
        "messaging_product": "whatsapp",
        "to": "+34600000001",
        "interactive": {"type": "call_permission_request"},
    }
    assert sent(listed).type == "interactive"
    message = {key: value for key, value in text().items() if key != "type"}
    assert (sent(message).type, sent(message).text) == ("text", "hello")


RIGHT = [
    text(body="x" * 4096),
    image(link="https://media.example.com/a.png", caption="x" * 1024),
    text() | {"type": "audio", "audio": {"id": "1", "voice": True}},
    text() | {"type": "document", "document": {"id": "1", "filename": "a.pdf"}},
    text() | {"type": "reaction", "reaction": {"message_id": "wamid.x", "emoji": ""}},
    text() | {"type": "location", "location": {"latitude": "40.4", "longitude": -3.7}},
    GROUP | {"type": "pin", "pin": {"message_id": "wamid.x"}},
    text(context={"message_id": "wamid.x"}),
]


@pytest.mark.parametrize("message", RIGHT)
def test_what_just_fits_is_taken(message: dict[str, Any]) -> None:
    """Source: OAPI v23.0, SEND 21 May 2026, GRP 2026 (R§1.3)."""
    assert isinstance(parse(message), Send)


@pytest.mark.parametrize("path", sorted(OWN_SENDS.glob("*.json")), ids=lambda path: path.stem)
def test_our_own_messages_have_the_right_form(path: Path) -> None:
    assert not isinstance(parse(path.read_bytes()), Refusal)


def test_unknown_keys_are_passed_over() -> None:
    """Source: R§1.2, our reading."""
    assert sent(text(something_new=1)).user == "34600000001"


def test_to_wins_over_recipient() -> None:
    """Source: BSUID, 15 Sep 2026 (R§1.2)."""
    assert not sent(text(recipient="US.1")).by_bsuid


def test_a_bsuid_of_ours_is_the_same_user_as_the_phone() -> None:
    """Source: SEND, BSUID (R§1.4): one user counts once."""
    bsuid = identity.bsuid_of("34600000001", NUMBER.scope)
    message = {key: value for key, value in text(recipient=bsuid).items() if key != "to"}
    assert (sent(message).user, sent(message).given) == ("34600000001", bsuid)


def test_a_group_is_its_own_recipient() -> None:
    """Source: GRP, 2026 (R§1.9)."""
    group = sent(text("Y2FwaV9ncm91cA==", recipient_type="group"))
    assert (group.to_group, group.user) == (True, "Y2FwaV9ncm91cA==")


def test_a_placeholder_is_accepted_when_lenient() -> None:
    parsed = parse(text("{{Recipient-Phone-Number}}"), lenient=True)
    assert isinstance(parsed, Send)
    assert parsed.user == "{{Recipient-Phone-Number}}"


@pytest.mark.skipif(not REAL_SENDS.exists(), reason="Meta's examples are not on this machine")
def test_every_example_of_meta_has_the_right_form() -> None:
    examples = [orjson.loads(line) for line in REAL_SENDS.read_bytes().splitlines()]
    requests = [each for each in examples if each["request"]]
    assert len(requests) > 40
    for each in requests:
        parsed = parse(each["request"], lenient=True)
        assert not isinstance(parsed, Refusal), (each["name"], parsed)


def test_a_payload_may_be_json_within_a_string() -> None:
    """Some SDKs write contacts like that, and the Graph API reads them."""
    contacts = [{"name": {"formatted_name": "Ana"}}]
    message = {"messaging_product": "whatsapp", "to": "+34600000001", "type": "contacts"}
    assert sent(message | {"contacts": orjson.dumps(contacts).decode()}).payload == contacts
    assert isinstance(parse(message | {"contacts": "Ana"}), Refusal)
