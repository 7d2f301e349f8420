from typing import Any

import pytest

from tests.emulator.conftest import WABA, Cloud, Receiver, flushed, template, text

BUTTON = {
    "type": "button",
    "body": {"text": "Is it right?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "1", "title": "Yes"}}]},
}
CTA = {
    "type": "cta_url",
    "body": {"text": "Your parcel"},
    "action": {
        "name": "cta_url",
        "parameters": {"display_text": "See", "url": "https://example.com/"},
    },
}
LIST = {
    "type": "list",
    "body": {"text": "Choose"},
    "action": {"button": "See", "sections": [{"title": "a", "rows": [{"id": "1", "title": "b"}]}]},
}
RESTRICTION = "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES"


def interactive(content: dict[str, Any]) -> dict[str, Any]:
    message = text(type="interactive", interactive=content, category="utility")
    del message["text"]
    return message


@pytest.mark.parametrize(
    "message", [text(category="utility"), interactive(BUTTON), interactive(CTA)]
)
async def test_a_direct_send_leaves_outside_the_window(
    told: tuple[Cloud, Receiver], message: Any
) -> None:
    """Source: DIRECT, 2026 (R§1.8); it counts in the limit (R§12.1 row 31)."""
    cloud, receiver = told
    assert (await cloud.send(message))["http"] == 200
    await flushed(cloud)
    assert receiver.statuses()[0]["status"] == "sent"
    assert receiver.statuses()[0]["pricing"]["category"] == "utility"
    assert (await cloud.number())["counted_users"] == 1
    assert await cloud.rules_broken() == []


async def test_other_messages_stay_inside_the_window(cloud: Cloud) -> None:
    await cloud.send(text())
    assert await cloud.rules_broken() == ["service_window"]


@pytest.mark.parametrize(
    "message", [text(category="marketing"), text(category=1), interactive(LIST)]
)
async def test_an_unknown_category_or_type_is_refused(cloud: Cloud, message: Any) -> None:
    """Source: DIRECT, 2026 (R§1.8)."""
    await cloud.write()
    assert (await cloud.send(message))["error"]["code"] == 100


async def test_on_a_template_the_category_means_nothing(cloud: Cloud) -> None:
    assert (await cloud.send(template(category="marketing")))["http"] == 200


async def test_who_abuses_it_is_blocked_from_it_alone(cloud: Cloud) -> None:
    """Source: DIRECT, W-ACC 21 May 2026 (R§1.8, R§6.2)."""
    await cloud.steer("/restrictions", waba_id=WABA, restriction_type=RESTRICTION, duration_s=60)
    assert (await cloud.send(text(category="utility")))["error"]["code"] == 139200
    assert (await cloud.send(template(name="order")))["http"] == 200
    cloud.clock.advance(61)
    assert (await cloud.send(text(category="utility")))["http"] == 200
