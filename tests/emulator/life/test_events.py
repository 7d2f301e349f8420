import pytest

from tests.emulator.conftest import ANA, FIRST, WABA, Cloud, Receiver, flushed, template, text


async def test_an_inbound_message_opens_the_window_and_is_told(
    told: tuple[Cloud, Receiver],
) -> None:
    """Source: SEND, 21 May 2026 (R§3, R§8.5)."""
    cloud, receiver = told
    wamid = await cloud.write()
    await flushed(cloud)
    value = receiver.values()[0]
    assert value["messages"][0]["id"] == wamid
    assert value["messages"][0]["from"] == "34600000001"
    assert value["contacts"][0]["wa_id"] == "34600000001"
    assert value["contacts"][0]["user_id"].startswith("ES.")
    await cloud.send(text())
    assert await cloud.rules_broken() == []


async def test_a_reaction_opens_no_window(cloud: Cloud) -> None:
    """Source: R§8.5, undocumented by Meta."""
    body = {"phone_number_id": FIRST, "from": ANA, "type": "reaction", "text": "👍"}
    await cloud.steer("/inbound", **body)
    await cloud.send(text())
    assert await cloud.rules_broken() == ["service_window"]


@pytest.mark.parametrize(
    "kind", ["image", "button", "interactive", "location", "contacts", "order"]
)
async def test_other_types_carry_an_object_of_their_name(
    told: tuple[Cloud, Receiver], kind: str
) -> None:
    cloud, receiver = told
    await cloud.steer("/inbound", **{"phone_number_id": FIRST, "from": ANA, "type": kind})
    await flushed(cloud)
    message = receiver.values()[0]["messages"][0]
    assert message["type"] == kind
    assert message[kind]


async def test_a_paused_template_comes_back_after_3_then_6_hours(
    told: tuple[Cloud, Receiver],
) -> None:
    """Source: PAUSE, 22 Oct 2025 (R§6.4)."""
    cloud, receiver = told
    for hours in (3, 6):
        await cloud.steer("/templates/promo", status="PAUSED")
        cloud.clock.advance(hours * 3600 - 1)
        assert (await cloud.send(template()))["error"]["code"] == 132015
        cloud.clock.advance(1)
        assert (await cloud.send(template()))["http"] == 200
    await flushed(cloud)
    values = receiver.values("message_template_status_update")
    assert [each["event"] for each in values] == ["PAUSED", "APPROVED"] * 2
    assert [each["other_info"]["title"] for each in values] == [
        "FIRST_PAUSE",
        "UNPAUSE",
        "SECOND_PAUSE",
        "UNPAUSE",
    ]


async def test_category_and_quality_of_a_template_are_told(told: tuple[Cloud, Receiver]) -> None:
    """Source: W-TPC, W-TPQ (R§6.4)."""
    cloud, receiver = told
    await cloud.steer("/templates/order", category="MARKETING", quality="RED")
    await flushed(cloud)
    category = receiver.values("template_category_update")[0]
    assert (category["previous_category"], category["new_category"]) == ("UTILITY", "MARKETING")
    quality = receiver.values("message_template_quality_update")[0]
    assert quality["new_quality_score"] == "RED"
    assert quality["message_template_id"] == 600000000000002


async def test_a_restriction_is_told_with_its_end(told: tuple[Cloud, Receiver]) -> None:
    """Source: W-ACC, 21 May 2026 (R§6.2)."""
    cloud, receiver = told
    kind = "RESTRICTED_BIZ_INITIATED_MESSAGING"
    answer = await cloud.steer("/restrictions", waba_id=WABA, restriction_type=kind, duration_s=60)
    await flushed(cloud)
    info = receiver.values("account_update")[0]["restriction_info"][0]
    assert info == {"restriction_type": kind, "expiration": answer["expiration"]}
    assert answer["expiration"] == int(cloud.clock.now().timestamp()) + 60


async def test_a_preference_is_told(told: tuple[Cloud, Receiver]) -> None:
    """Source: W-PREF (R§6.5)."""
    cloud, receiver = told
    await cloud.steer("/preferences", phone_number_id=FIRST, user=ANA, value="stop")
    await flushed(cloud)
    preference = receiver.values("user_preferences")[0]["user_preferences"][0]
    assert (preference["value"], preference["category"]) == ("stop", "marketing_messages")
