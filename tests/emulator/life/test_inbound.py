from typing import Any

import pytest

from gateway.emulator import Knobs, identity
from gateway.emulator.webhooks.contents import MEDIA
from tests.emulator.conftest import (
    ANA,
    BEN,
    FIRST,
    PORTFOLIO,
    Cloud,
    Receiver,
    Start,
    flushed,
    template,
    text,
)

DIGITS = ANA.removeprefix("+")


async def happen(cloud: Cloud, user: str = ANA, **more: Any) -> Any:
    """Let a user do something to the first number."""
    return await cloud.steer("/inbound", **{"phone_number_id": FIRST, "from": user} | more)


async def heard(cloud: Cloud, receiver: Receiver, field: str = "messages") -> dict[str, Any]:
    """Give the last value that was told."""
    await flushed(cloud)
    return receiver.values(field)[-1]


async def test_a_message_opens_the_window_and_is_told(told: tuple[Cloud, Receiver]) -> None:
    """Source: SEND, 21 May 2026 (R§3, R§8.5)."""
    cloud, receiver = told
    wamid = (await happen(cloud, name="Ana Ex"))["wamid"]
    value = await heard(cloud, receiver)
    message = value["messages"][0]
    assert (message["id"], message["from"], message["text"]) == (wamid, DIGITS, {"body": "hello"})
    assert value["contacts"][0] == {
        "profile": {"name": "Ana Ex"},
        "wa_id": DIGITS,
        "user_id": message["from_user_id"],
    }
    await cloud.send(text())
    assert await cloud.rules_broken() == []


@pytest.mark.parametrize("kind", ["reaction", "unsupported", "edit", "revoke"])
async def test_what_is_no_message_opens_no_window(cloud: Cloud, kind: str) -> None:
    """Source: R§8.5, undocumented by Meta (R§12.1 row 16)."""
    await happen(cloud, type=kind)
    await cloud.send(text())
    assert await cloud.rules_broken() == ["service_window"]


@pytest.mark.parametrize(
    "kind",
    [*sorted(MEDIA), "button", "interactive", "location", "contacts", "order", "edit", "revoke"],
)
async def test_other_types_carry_an_object_of_their_name(
    told: tuple[Cloud, Receiver], kind: str
) -> None:
    """Source: R§8.5."""
    cloud, receiver = told
    await happen(cloud, type=kind)
    message = (await heard(cloud, receiver))["messages"][0]
    assert message["type"] == kind
    assert message[kind]


async def test_a_type_that_does_not_exist_is_refused(cloud: Cloud) -> None:
    assert (await happen(cloud, type="hologram"))["http"] == 400
    assert (await happen(cloud, type="hologram", content={"depth": 3}))["http"] == 200


async def test_the_content_can_be_given_whole(told: tuple[Cloud, Receiver]) -> None:
    cloud, receiver = told
    reply = {"type": "list_reply", "list_reply": {"id": "a", "title": "A", "description": "B"}}
    await happen(cloud, type="interactive", content=reply, reply_to="wamid.x")
    message = (await heard(cloud, receiver))["messages"][0]
    assert message["interactive"] == reply
    assert message["context"] == {"from": "15550001111", "id": "wamid.x"}


async def test_a_file_that_a_user_sent_can_be_downloaded(told: tuple[Cloud, Receiver]) -> None:
    """Source: MEDIA, 16 Jun 2026 (R§1.3)."""
    cloud, receiver = told
    await happen(cloud, type="image")
    image = (await heard(cloud, receiver))["messages"][0]["image"]
    node = await cloud.get(f"/{image['id']}")
    assert node["mime_type"] == image["mime_type"]
    content = await (await cloud.call("GET", node["url"])).read()
    assert len(content) == node["file_size"]


async def test_an_ad_that_led_here_is_told(told: tuple[Cloud, Receiver]) -> None:
    """Source: R§8.5: presence means a free entry point."""
    cloud, receiver = told
    await happen(cloud, referral={})
    assert (await heard(cloud, receiver))["messages"][0]["referral"]["source_type"] == "ad"
    await happen(cloud, referral={"source_id": "7"})
    assert (await heard(cloud, receiver))["messages"][0]["referral"] == {"source_id": "7"}


@pytest.mark.parametrize(
    ("errors", "codes"), [([], [131051]), ([{"code": 131052, "details": "too large"}], [131052])]
)
async def test_what_cannot_be_shown_says_why(
    told: tuple[Cloud, Receiver], errors: list[dict[str, Any]], codes: list[int]
) -> None:
    """Source: ERR, 18 Jun 2026 (R§7.5, R§8.5)."""
    cloud, receiver = told
    await happen(cloud, type="unsupported", errors=errors)
    message = (await heard(cloud, receiver))["messages"][0]
    assert [each["code"] for each in message["errors"]] == codes


async def test_a_message_of_one_member_opens_the_window_of_the_group(
    told: tuple[Cloud, Receiver],
) -> None:
    """Source: GRP (R§3)."""
    cloud, receiver = told
    await happen(cloud, group_id="a-group")
    assert (await heard(cloud, receiver))["messages"][0]["group_id"] == "a-group"
    await cloud.send(text("a-group", recipient_type="group"))
    assert await cloud.rules_broken() == []
    await cloud.send(text(ANA))
    assert await cloud.rules_broken() == ["service_window"]


@pytest.mark.parametrize(("counts", "http"), [(True, 400), (False, 200)])
async def test_inbound_uses_throughput_if_the_knob_says_so(
    start: Start, http: int, *, counts: bool
) -> None:
    """Source: THR, 17 Jun 2026 (R§5.1)."""
    cloud = await start(knobs=Knobs(inbound_counts=counts))
    cloud.emulator.state.registry.numbers[FIRST].throughput = 2
    for _ in range(2):
        await happen(cloud)
    assert (await cloud.send(template(BEN)))["http"] == http


async def test_a_call_opens_the_window(told: tuple[Cloud, Receiver]) -> None:
    """Source: CALL, 11 Dec 2025 (R§3, R§8.6)."""
    cloud, receiver = told
    call_id = (await happen(cloud, type="call"))["wamid"]
    call = (await heard(cloud, receiver, "calls"))["calls"][0]
    assert (call["id"], call["from"], call["to"]) == (call_id, DIGITS, "15550001111")
    assert (call["event"], call["direction"]) == ("connect", "USER_INITIATED")
    await cloud.send(text())
    assert await cloud.rules_broken() == []


async def test_a_new_phone_brings_a_new_user_id_and_kills_the_old_phone(
    told: tuple[Cloud, Receiver],
) -> None:
    """Source: BSUID, 15 Sep 2026 (R§1.4, R§8.5)."""
    cloud, receiver = told
    await happen(cloud, type="system", text="+34600000009")
    value = await heard(cloud, receiver)
    assert "contacts" not in value
    message = value["messages"][0]
    assert message["from"] == DIGITS
    assert message["system"] == {
        "type": "user_changed_number",
        "wa_id": "34600000009",
        "user_id": identity.bsuid_of("34600000009", PORTFOLIO),
        "previous_user_id": identity.bsuid_of(DIGITS, PORTFOLIO),
        "body": f"User Example User changed from {DIGITS} to 34600000009",
    }
    await cloud.send(template(ANA))
    status = (await heard(cloud, receiver))["statuses"][0]
    assert status["errors"][0]["code"] == 131026


async def test_who_has_a_username_only_changes_nothing_but_the_user_id(
    start: Start, receiver: tuple[Receiver, str]
) -> None:
    """Source: BSUID, 15 Sep 2026 (R§1.4, R§8.5)."""
    taking, url = receiver
    users = [{"phone": DIGITS, "name": "Ana Ex", "username_only": True}]
    cloud = await start(webhook_url=url, users=users)
    await happen(cloud, type="system", text="+34600000009")
    message = (await heard(cloud, taking))["messages"][0]
    assert "from" not in message
    assert message["system"]["type"] == "user_changed_user_id"
    assert DIGITS not in str(message)
    assert "34600000009" not in str(message)
    await happen(cloud, user="+34600000009")
    value = await heard(cloud, taking)
    assert "from" not in value["messages"][0]
    assert value["contacts"][0]["profile"] == {"name": "Ana Ex"}
    assert "wa_id" not in value["contacts"][0]


async def test_a_new_phone_must_be_a_phone(cloud: Cloud) -> None:
    assert (await happen(cloud, type="system", text="US.abc"))["http"] == 400


async def test_a_preference_is_told(told: tuple[Cloud, Receiver]) -> None:
    """Source: W-PREF (R§6.5)."""
    cloud, receiver = told
    for value in ("stop", "resume"):
        await cloud.steer("/preferences", phone_number_id=FIRST, user=ANA, value=value)
        preference = (await heard(cloud, receiver, "user_preferences"))["user_preferences"][0]
        assert (preference["value"], preference["category"]) == (value, "marketing_messages")


async def test_an_unknown_number_is_404_and_a_bad_phone_400(cloud: Cloud) -> None:
    unknown = {"phone_number_id": "7", "from": ANA}
    assert (await cloud.steer("/inbound", **unknown))["http"] == 404
    assert (await happen(cloud, user="nobody"))["http"] == 400
