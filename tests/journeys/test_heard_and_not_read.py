"""What Meta has told in time ends a doubt, although there was no time yet to read it."""

from typing import Any, Final

import pytest

from gateway.store import inbox
from tests.builders import code_body
from tests.world import SMALL, MakeWorld, World, until

ANA: Final = "+34600000001"
DOUBT_S: Final = 120.0
SETTINGS: Final[dict[str, Any]] = {"cloud_timeout_s": 0.5, "silent_s": 9000.0}


async def unread(world: World) -> int:
    async with world.database.connection() as connection:
        return await inbox.backlog(connection)


async def test_a_status_that_waits_to_be_read_is_waited_for(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a campaign, or an outage, the inbox may be longer than a doubt lasts."""
    world = await make_world(settings=SETTINGS)

    async def reads_nothing() -> int:
        return 0

    with monkeypatch.context() as behind:
        behind.setattr(world.gateway.digest, "_bite", reads_nothing)
        await world.fault("accept_then_reset", times=1)
        answer = await world.send(SMALL, code_body(ANA, "4711"))
        assert answer.status == 502
        await world.state_of(answer, "in_doubt")
        await world.advance(10)
        await world.steer("/webhooks/flush?timeout_s=20", {})
        await until(lambda: unread(world), "a status that waits to be read")
        await world.advance(DOUBT_S)
        assert (await world.message(answer))["state"] == "in_doubt"
    await world.flush()
    await world.state_of(answer, "delivered")
    await world.advance(DOUBT_S)
    assert len(await world.accepted(SMALL)) == 1
    assert (await world.message(answer))["resent_as"] is None
