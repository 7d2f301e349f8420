from typing import Any

import aiohttp
import pytest

from gateway.emulator import Knobs
from gateway.emulator.state import Mode
from tests.emulator.conftest import (
    FIRST,
    JUNK,
    WABA,
    Cloud,
    Receiver,
    Start,
    flushed,
    spoiled,
    template,
    text,
)


async def test_a_read_receipt_is_acknowledged(cloud: Cloud) -> None:
    """Source: mark-message-as-read, 2 Jul 2026 (R§1.6)."""
    wamid = await cloud.write()
    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
    answer = await cloud.send(receipt | {"typing_indicator": {"type": "text"}})
    assert answer == {"success": True, "http": 200}
    assert await cloud.told("/sends") == []


async def test_a_receipt_of_an_unknown_message_is_131009(start: Start) -> None:
    """Source: R§12.3."""
    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.unknown"}
    enforcing, observing = await start(), await start(mode="observe")
    assert (await enforcing.send(receipt))["error"]["code"] == 131009
    assert (await observing.send(receipt))["success"] is True


async def test_an_error_fault_refuses_as_often_as_armed(cloud: Cloud) -> None:
    await cloud.steer("/faults", action="error", code=131016, times=1)
    refused = await cloud.send(template())
    assert (refused["http"], refused["error"]["code"]) == (500, 131016)
    assert (await cloud.send(template()))["http"] == 200
    outcomes = [(each["outcome"], each["code"]) for each in await cloud.told("/sends")]
    assert outcomes == [("refused", 131016), ("accepted", None)]


async def test_a_fault_may_choose_the_http_status(cloud: Cloud) -> None:
    await cloud.steer("/faults", action="error", code=130429, http_status=429)
    assert (await cloud.send(template()))["http"] == 429


@pytest.mark.parametrize(
    ("action", "outcome"),
    [("reset", "refused"), ("accept_then_reset", "accepted"), ("half_answer", "accepted")],
)
async def test_faults_that_leave_the_sender_in_doubt(
    cloud: Cloud, action: str, outcome: str
) -> None:
    await cloud.steer("/faults", match={"type": "template"}, action=action, times=1)
    with pytest.raises(aiohttp.ClientError):
        await cloud.send(template())
    assert [each["outcome"] for each in await cloud.told("/sends")] == [outcome]


@pytest.mark.parametrize(
    ("action", "outcome"), [("timeout", "refused"), ("accept_then_timeout", "accepted")]
)
async def test_faults_that_never_answer(cloud: Cloud, action: str, outcome: str) -> None:
    await cloud.steer("/faults", action=action, times=1)
    with pytest.raises(TimeoutError):
        await cloud.call(
            "POST", f"/{FIRST}/messages", json=template(), timeout=aiohttp.ClientTimeout(total=0.2)
        )
    assert [each["outcome"] for each in await cloud.told("/sends")] == [outcome]


async def test_answers_can_be_delayed(start: Start) -> None:
    cloud = await start(knobs=Knobs(answer_delay_s=0.01))
    assert (await cloud.send(template()))["http"] == 200
    await cloud.steer("/faults", action="delay", delay_s=0.01)
    assert (await cloud.send(template()))["http"] == 200


@pytest.mark.parametrize("mode", ["enforce", "observe"])
async def test_an_accepted_message_may_fail_later_and_counts_no_more(
    told: tuple[Cloud, Receiver], mode: Mode
) -> None:
    """Source: R§12.1 rows 2 and 3."""
    cloud, receiver = told
    cloud.emulator.state.mode = mode
    await cloud.steer("/knobs", status_delay_s=10)
    await cloud.steer("/faults", action="accept_then_fail", code=131026, times=1)
    wamid = (await cloud.send(template()))["messages"][0]["id"]
    assert (await cloud.number())["counted_users"] == 1
    await cloud.steer("/clock", advance_s=10)
    await flushed(cloud)
    (status,) = receiver.statuses()
    assert (status["id"], status["status"]) == (wamid, "failed")
    assert status["errors"][0]["code"] == 131026
    assert (await cloud.number())["counted_users"] == 0
    assert await cloud.rules_broken() == []


ARTICLE = {
    "id": "600000000000009",
    "waba_id": WABA,
    "name": "special",
    "parameter_format": "NAMED",
    "components": [
        {"type": "HEADER", "format": "TEXT", "text": "{{first}}"},
        {"type": "BODY", "text": "Hello {{first}}, here is {{second}}."},
        {
            "type": "BUTTONS",
            "buttons": [{"type": "URL", "text": "See", "url": "https://example.com/{{1}}"}],
        },
    ],
}
NAMED = [
    {"type": "text", "parameter_name": "first", "text": "Ana"},
    {"type": "currency", "parameter_name": "second", "currency": {"fallback_value": "$1"}},
]
COMPONENTS = [
    {"type": "header", "parameters": NAMED[:1]},
    {"type": "body", "parameters": NAMED},
    {
        "type": "button",
        "sub_type": "url",
        "index": "0",
        "parameters": [{"type": "text", "text": "a"}],
    },
]
SPECIAL = {"name": "special", "language": {"code": "en_US"}, "components": COMPONENTS}
BUTTONS = [{"type": "reply", "reply": {"id": "1", "title": "Yes"}}]
ROWS = [{"title": "One", "rows": [{"id": "1", "title": "Yes"}]}]
MESSAGES: tuple[dict[str, Any], ...] = (
    text(context={"message_id": "wamid.x"}, biz_opaque_callback_data="x", category="utility"),
    template(recipient_type="individual") | {"template": SPECIAL},
    template(product_policy="STRICT", message_activity_sharing=True),
    text(type="image", image={"id": "1", "caption": "x"}),
    text(type="reaction", reaction={"message_id": "wamid.x", "emoji": "x"}),
    text(type="location", location={"latitude": 1, "longitude": 1}),
    text(type="contacts", contacts=[{"name": {"formatted_name": "Ana"}}]),
    text(
        type="interactive",
        interactive={"type": "button", "body": {"text": "x"}, "action": {"buttons": BUTTONS}},
    ),
    text(
        type="interactive",
        interactive={
            "type": "list",
            "body": {"text": "x"},
            "action": {"button": "x", "sections": ROWS},
        },
    ),
    {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x"},
)


@pytest.mark.parametrize("junk", JUNK, ids=repr)
async def test_a_message_with_junk_in_it_is_taken_or_refused(start: Start, junk: Any) -> None:
    templates = [ARTICLE, {"id": "600000000000001", "waba_id": WABA, "name": "promo"}]
    cloud = await start(templates=templates)
    for message in (bad for whole in MESSAGES for bad in spoiled(whole, junk)):
        answer = await cloud.send(message, FIRST)
        assert answer["http"] in {200, 400, 404}, message
        assert ("error" in answer) == (answer["http"] != 200), message
        cloud.clock.advance(60)
