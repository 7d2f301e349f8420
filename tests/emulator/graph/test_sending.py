import pytest

from gateway.emulator import Knobs, identity
from tests.emulator.conftest import (
    ANA,
    FIRST,
    PORTFOLIO,
    Cloud,
    Receiver,
    Start,
    flushed,
    template,
    text,
)


async def test_the_answer_to_a_template(cloud: Cloud) -> None:
    """Source: OAPI, PACE (R§1.5)."""
    answer = await cloud.send(template("+34 600 000 001"))
    wamid = answer["messages"][0]["id"]
    assert answer == {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+34 600 000 001", "wa_id": "34600000001"}],
        "messages": [{"id": wamid, "message_status": "accepted"}],
        "http": 200,
    }


async def test_only_templates_have_a_message_status(cloud: Cloud) -> None:
    """Source: R§12.1 row 34."""
    await cloud.write()
    assert "message_status" not in (await cloud.send(text()))["messages"][0]


async def test_the_answer_to_a_bsuid(told: tuple[Cloud, Receiver]) -> None:
    """Source: BSUID, 15 Sep 2026 (R§1.5); one user counts once."""
    cloud, receiver = told
    bsuid = identity.bsuid_of("34600000001", PORTFOLIO)
    message = {key: value for key, value in template(recipient=bsuid).items() if key != "to"}
    answer = await cloud.send(message)
    assert answer["contacts"] == [{"input": bsuid, "user_id": bsuid}]
    await cloud.send(template(ANA))
    assert (await cloud.number())["counted_users"] == 1
    await flushed(cloud)
    assert "recipient_id" not in receiver.statuses()[0]
    assert receiver.statuses()[0]["recipient_user_id"] == bsuid


async def test_a_group_send_uses_no_limit(told: tuple[Cloud, Receiver]) -> None:
    """Source: R§12.1 row 31, R§1.5."""
    cloud, receiver = told
    answer = await cloud.send(template("group-1", recipient_type="group"))
    assert answer["messages"][0]["group_id"] == "group-1"
    assert (await cloud.number())["counted_users"] == 0
    await flushed(cloud)
    assert receiver.statuses()[0]["recipient_type"] == "group"


async def test_statuses_follow_and_echo(told: tuple[Cloud, Receiver]) -> None:
    """Source: W-STAT, 14 Sep 2026 (R§8.4)."""
    cloud, receiver = told
    answer = await cloud.send(template(biz_opaque_callback_data="gw1.7f3a.mine"))
    await flushed(cloud)
    sent, delivered = receiver.statuses()
    assert (sent["status"], delivered["status"]) == ("sent", "delivered")
    assert sent["id"] == answer["messages"][0]["id"]
    assert sent["biz_opaque_callback_data"] == "gw1.7f3a.mine"
    assert sent["timestamp"] == str(int(cloud.clock.now().timestamp()))
    assert sent["pricing"]["category"] == "marketing"
    assert "pricing" not in delivered


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        (Knobs(statuses=False), []),
        (Knobs(delivered=False), ["sent"]),
        (Knobs(read=True), ["sent", "delivered", "read"]),
    ],
)
async def test_knobs_choose_the_statuses(
    start: Start, receiver: tuple[Receiver, str], knobs: Knobs, expected: list[str]
) -> None:
    cloud = await start(knobs=knobs, webhook_url=receiver[1])
    await cloud.send(template())
    await flushed(cloud)
    assert [each["status"] for each in receiver[0].statuses()] == expected


async def test_statuses_wait_for_the_clock(start: Start, receiver: tuple[Receiver, str]) -> None:
    cloud = await start(knobs=Knobs(status_delay_s=30), webhook_url=receiver[1])
    accepted_at = cloud.clock.now().timestamp()
    await cloud.send(template())
    await flushed(cloud)
    assert receiver[0].bodies == []
    await cloud.steer("/clock", advance_s=100)
    await flushed(cloud)
    assert {each["timestamp"] for each in receiver[0].statuses()} == {str(int(accepted_at + 30))}


async def test_a_reaction_is_only_ever_sent(told: tuple[Cloud, Receiver]) -> None:
    """Source: M/messages/reaction-messages (R§1.3)."""
    cloud, receiver = told
    wamid = await cloud.write()
    reaction = {"message_id": wamid, "emoji": "👍"}
    await cloud.send(text(type="reaction", reaction=reaction))
    await flushed(cloud)
    assert [each["status"] for each in receiver.statuses()] == ["sent"]


async def test_every_send_is_written_down(cloud: Cloud) -> None:
    await cloud.write()
    accepted = await cloud.send(text(body="hello", biz_opaque_callback_data="mine"))
    await cloud.send(template(name="nobody"))
    first, second = await cloud.told("/sends")
    assert first == {
        "at": cloud.clock.now().isoformat(),
        "phone_number_id": FIRST,
        "user": "34600000001",
        "type": "text",
        "template": None,
        "wamid": accepted["messages"][0]["id"],
        "outcome": "accepted",
        "code": None,
        "fails_with": None,
        "text": "hello",
        "biz_opaque_callback_data": "mine",
    }
    assert (second["outcome"], second["code"], second["wamid"]) == ("refused", 132001, None)
    violation = (await cloud.told("/violations"))[0]
    assert (violation["rule"], violation["code"], violation["wamid"]) == ("template", 132001, None)


async def test_an_asynchronous_no_names_its_code(cloud: Cloud) -> None:
    await cloud.send(text())
    only = (await cloud.told("/sends"))[0]
    assert (only["outcome"], only["fails_with"]) == ("accepted", 131047)
