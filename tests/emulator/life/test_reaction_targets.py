import pytest

from gateway.emulator.life.reaction_targets import LIFE_S
from tests.emulator.conftest import ANA, FIRST, Cloud, Receiver, flushed, template, text


async def react(cloud: Cloud, receiver: Receiver, wamid: str) -> list[tuple[str, int | None]]:
    """React to a message; returns what is told of the reaction."""
    reaction = {"message_id": wamid, "emoji": "👍"}
    body = {"messaging_product": "whatsapp", "to": ANA, "type": "reaction", "reaction": reaction}
    sent = (await cloud.send(body))["messages"][0]["id"]
    await flushed(cloud)
    return [
        (each["status"], each["errors"][0]["code"] if "errors" in each else None)
        for each in receiver.statuses()
        if each["id"] == sent
    ]


async def test_a_message_from_either_side_can_be_reacted_to(told: tuple[Cloud, Receiver]) -> None:
    """Source: M/messages/reaction-messages (R§1.3): only `sent` is told."""
    cloud, receiver = told
    theirs = await cloud.write()
    ours = (await cloud.send(text()))["messages"][0]["id"]
    assert await react(cloud, receiver, theirs) == [("sent", None)]
    assert await react(cloud, receiver, ours) == [("sent", None)]


async def test_what_is_unknown_or_a_reaction_cannot(told: tuple[Cloud, Receiver]) -> None:
    """Source: M/messages/reaction-messages (R§1.3): 131009 by webhook."""
    cloud, receiver = told
    await cloud.write()
    body = {"phone_number_id": FIRST, "from": ANA, "type": "reaction", "text": "👍"}
    reaction = (await cloud.steer("/inbound", **body))["wamid"]
    for target in ("wamid.unknown", reaction):
        assert await react(cloud, receiver, target) == [("failed", 131009)]


@pytest.mark.parametrize(
    ("age_s", "end"), [(LIFE_S, ("sent", None)), (LIFE_S + 1, ("failed", 131009))]
)
async def test_a_message_can_be_reacted_to_for_30_days(
    told: tuple[Cloud, Receiver], age_s: float, end: tuple[str, int | None]
) -> None:
    """Source: M/messages/reaction-messages (R§1.3)."""
    cloud, receiver = told
    ours = (await cloud.send(template()))["messages"][0]["id"]
    cloud.clock.advance(age_s)
    await cloud.write()
    assert await react(cloud, receiver, ours) == [end]
