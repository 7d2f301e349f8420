"""What a message brings along must fit its template (R§7.5)."""

from typing import Any

import pytest

from tests.emulator.conftest import Cloud, Start, template

BODY = {"type": "BODY", "text": "Hello {{1}}, your order {{2}} is here."}
NAMED = {"type": "BODY", "text": "Hello {{first_name}}, here is {{item}}."}
IMAGE = {"type": "HEADER", "format": "IMAGE"}
URL = {"type": "URL", "text": "See", "url": "https://example.com/{{1}}"}
PHONE = {"type": "PHONE_NUMBER", "text": "Call"}
REPLY = {"type": "QUICK_REPLY", "text": "Yes"}
CODE = {"type": "COPY_CODE"}
ANA_SAYS: dict[str, Any] = {"type": "text", "text": "Ana"}
PICTURE = {"type": "image", "image": {"link": "https://example.com/a.png"}}


def buttons(*each: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(each)}


def body(*parameters: Any) -> dict[str, Any]:
    return {"type": "body", "parameters": list(parameters)}


def header(*parameters: Any) -> dict[str, Any]:
    return {"type": "header", "parameters": list(parameters)}


def button(sub_type: str, *parameters: Any, index: Any = "0") -> dict[str, Any]:
    return {"type": "button", "sub_type": sub_type, "index": index, "parameters": list(parameters)}


def named(name: str, text: str = "Ana") -> dict[str, Any]:
    return {"type": "text", "parameter_name": name, "text": text}


def message(*components: Any) -> dict[str, Any]:
    sent = template(name="special")
    sent["template"]["components"] = list(components)
    return sent


async def with_template(start: Start, *components: Any, **more: Any) -> Cloud:
    """Start with one template `special` besides the usual ones."""
    special = {
        "id": "600000000000009",
        "waba_id": "100000000000001",
        "name": "special",
        "components": list(components),
    }
    return await start(templates=[special | more])


FITTING: dict[str, tuple[list[Any], list[Any]]] = {
    "positional": ([BODY], [body(ANA_SAYS, ANA_SAYS)]),
    "currency": (
        [{"type": "BODY", "text": "It is {{1}}."}],
        [body({"type": "currency", "currency": {"fallback_value": "$1"}})],
    ),
    "image": ([IMAGE, {"type": "BODY", "text": "Look"}], [header(PICTURE)]),
    "header text": ([{"type": "HEADER", "format": "TEXT", "text": "{{1}}"}], [header(ANA_SAYS)]),
    "url": ([buttons(REPLY, URL)], [button("url", ANA_SAYS, index=1)]),
    "quick reply": ([buttons(REPLY)], [button("QUICK_REPLY", {"type": "payload"})]),
    "untouched reply": ([buttons(REPLY)], []),
    "unknown components": ([], [body(ANA_SAYS)]),
    "a carousel is not looked into": ([{"type": "CAROUSEL"}], [{"type": "carousel", "cards": []}]),
}


@pytest.mark.parametrize("case", FITTING)
async def test_what_fits_is_sent(start: Start, case: str) -> None:
    components, given = FITTING[case]
    cloud = await with_template(start, *components)
    assert (await cloud.send(message(*given)))["http"] == 200
    assert await cloud.rules_broken() == []


REFUSED: dict[str, tuple[list[Any], list[Any], int]] = {
    "too few": ([BODY], [body(ANA_SAYS)], 132000),
    "none": ([BODY], [], 132000),
    "too many": ([BODY], [body(ANA_SAYS, ANA_SAYS, ANA_SAYS)], 132000),
    "for a plain header": ([{"type": "BODY", "text": "Hi"}], [header(ANA_SAYS)], 132000),
    "two pictures": ([IMAGE], [header(PICTURE, PICTURE)], 132000),
    "names where numbers are": ([BODY], [body(named("1"), named("2"))], 132012),
    "a picture in the body": ([BODY], [body(PICTURE, ANA_SAYS)], 132012),
    "a text for a picture": ([IMAGE], [header(ANA_SAYS)], 132012),
    "no picture": ([IMAGE], [], 132012),
    "a picture without a source": ([IMAGE], [header({"type": "image", "image": {}})], 131008),
    "a picture that is none": ([IMAGE], [header({"type": "image"})], 131008),
    "a text without a text": ([BODY], [body({"type": "text"}, ANA_SAYS)], 131008),
    "no url": ([buttons(URL)], [], 131008),
    "an empty url": ([buttons(URL)], [button("url")], 131008),
    "no code": ([buttons(CODE)], [], 131008),
    "a telephone with a parameter": ([buttons(PHONE)], [button("url", ANA_SAYS)], 100),
    "no such button": ([buttons(REPLY)], [button("quick_reply", ANA_SAYS, index=1)], 132018),
    "another button": ([buttons(URL)], [button("quick_reply", ANA_SAYS)], 132018),
    "no objects": ([BODY], [body("Ana")], 100),
    "no list": ([BODY], [{"type": "body", "parameters": {}}], 100),
    "a long body": ([BODY], [body(ANA_SAYS, ANA_SAYS | {"text": "a" * 1024})], 132005),
    "a long header": (
        [{"type": "HEADER", "format": "TEXT", "text": "{{1}}"}],
        [header(ANA_SAYS | {"text": "a" * 61})],
        132005,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_does_not_fit_is_refused(start: Start, case: str) -> None:
    """Source: ERR, 12 Dec 2025 (R§7.5)."""
    components, given, code = REFUSED[case]
    cloud = await with_template(start, *components)
    assert (await cloud.send(message(*given)))["error"]["code"] == code
    assert await cloud.rules_broken() == ["template_parameters"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([named("item"), named("first_name")], None),
        ([named("item"), named("last_name")], 132012),
        ([ANA_SAYS, ANA_SAYS], 132012),
        ([named("item")], 132000),
        ([named("item", "a" * 1024), named("first_name")], 132005),
    ],
)
async def test_named_parameters_come_by_name(start: Start, given: Any, code: int | None) -> None:
    """Source: OAPI (R§1.3, R§7.5)."""
    cloud = await with_template(start, NAMED, parameter_format="NAMED")
    answer = await cloud.send(message(body(*given)))
    assert answer.get("error", {}).get("code") == code


async def test_the_longest_body_counts_places_by_their_number(start: Start) -> None:
    cloud = await with_template(start, {"type": "BODY", "text": "{{2}}{{2}} {{1}}"})
    short, long = ANA_SAYS | {"text": "a" * 3}, ANA_SAYS | {"text": "a" * 600}
    assert (await cloud.send(message(body(long, short))))["http"] == 200
    assert (await cloud.send(message(body(short, long))))["error"]["code"] == 132005


async def test_an_authentication_template_without_its_button_is_but_a_sketch(start: Start) -> None:
    """A real one always has one, so that its components are known to be incomplete."""
    code = {"type": "BODY", "text": "{{1}} is your code."}
    sketch = await with_template(start, code, category="AUTHENTICATION")
    assert (await sketch.send(message()))["http"] == 200
    otp = {"type": "OTP", "otp_type": "COPY_CODE"}
    whole = await with_template(start, code, buttons(otp), category="AUTHENTICATION")
    assert (await whole.send(message()))["error"]["code"] == 132000
    sent = message(body(ANA_SAYS), button("url", ANA_SAYS))
    assert (await whole.send(sent))["http"] == 200


async def test_an_edit_changes_what_is_wanted(start: Start) -> None:
    cloud = await with_template(start, BODY)
    assert (await cloud.send(message()))["error"]["code"] == 132000
    plain = {"components": [{"type": "BODY", "text": "Hello."}]}
    await cloud.call("POST", "/600000000000009", json=plain)
    assert (await cloud.send(message()))["http"] == 200
