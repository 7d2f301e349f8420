from tests.emulator.conftest import FIRST, SECOND, Cloud, template

PATH = f"/{FIRST}/message_history"


async def test_what_became_of_messages_is_told_latest_first(cloud: Cloud) -> None:
    """Source: OAPI (R§1.1)."""
    good = (await cloud.send(template()))["messages"][0]["id"]
    await cloud.send(template(), SECOND)
    await cloud.send(template(name="nobody"))
    await cloud.steer("/faults", action="accept_then_fail", code=131026, times=1)
    bad = (await cloud.send(template()))["messages"][0]["id"]
    told = (await cloud.get(PATH))["data"]
    assert [each["message_id"] for each in told] == [bad, good]
    events = [each["events"]["data"][0] for each in told]
    assert [each["delivery_status"] for each in events] == ["FAILED", "SENT"]
    assert events[0]["error_description"] == "Message undeliverable"


async def test_one_message_can_be_asked_for(cloud: Cloud) -> None:
    wamids = [(await cloud.send(template()))["messages"][0]["id"] for _ in range(2)]
    told = (await cloud.get(f"{PATH}?message_id={wamids[0].replace('+', '%2B')}"))["data"]
    assert [each["message_id"] for each in told] == wamids[:1]
