"""What may not go now waits, durably, and goes by itself."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Final

from tests.builders import template_body
from tests.journeys.campaign import audience
from tests.world import DAY_S, PORTFOLIO, SHARED, SMALL, MakeWorld, World, until

ASYNC: Final = {"Prefer": "respond-async, wait=0"}


async def accepted(world: World, count: int, number: str = SMALL) -> None:
    async def all_there() -> bool:
        return len(await world.accepted(number)) >= count

    await until(all_there, f"{count} messages at the emulator")


async def test_what_the_limit_holds_back_goes_when_slots_come_free(make_world: MakeWorld) -> None:
    world = await make_world(limits={SMALL: 20}, headroom=0.0)
    answers = await asyncio.gather(
        *(
            world.send(SMALL, template_body(user), headers={"Prefer": "respond-async"})
            for user in audience(50)
        )
    )
    assert Counter(answer.status for answer in answers) == {200: 20, 202: 30}
    (parked, *_) = (answer for answer in answers if answer.status == 202)
    assert parked.headers["Gateway-Decision"] == "park"
    assert parked.json["messages"][0]["id"].startswith("gw1.")
    story = await world.message(parked)
    assert (story["state"], story["decision"]) == ("parked", "defer")

    await world.advance(DAY_S + 1)
    await accepted(world, 40)
    await world.advance(DAY_S + 1)
    await accepted(world, 50)
    users = [each["user"] for each in await world.accepted(SMALL)]
    assert len(users) == len(set(users)) == 50
    assert await world.violations() == []
    await world.state_of(parked, "delivered")


async def test_a_message_goes_at_the_hour_it_was_asked_for(make_world: MakeWorld) -> None:
    world = await make_world()
    at = (world.clock.now() + timedelta(hours=2)).isoformat()
    (user,) = audience(1)
    answer = await world.template(SMALL, user, headers={"Gateway-Send-At": at})
    assert (answer.status, answer.rule) == (202, "schedule")
    assert await world.accepted(SMALL) == []
    await world.advance(7201)
    await accepted(world, 1)


async def parked(world: World, count: int, name: str = "order_update", number: str = SMALL) -> None:
    """Have messages wait that were tried in vain: their gate is shut, and no time goes by."""
    for user in audience(count):
        answer = await world.template(number, user, name, headers=ASYNC)
        assert answer.status == 202, answer

    async def is_shut() -> bool:
        return await world.gateway.releaser.run_once() == 0

    await until(is_shut, "a gate that is shut")


async def test_what_waits_goes_as_soon_as_a_limit_rises(make_world: MakeWorld) -> None:
    world = await make_world(still=True, mode="observe", limits={PORTFOLIO: 1}, headroom=0.0)
    await world.template(SHARED[0], "+34600000099")
    await parked(world, 12, number=SHARED[0])
    await world.steer(f"/numbers/{SHARED[0]}", {"messaging_limit": 100})
    await world.flush()
    await accepted(world, 13, SHARED[0])


async def test_what_waits_goes_as_soon_as_its_template_is_unpaused(make_world: MakeWorld) -> None:
    world = await make_world(still=True, mode="observe")
    await world.steer("/templates/autumn_offer", {"status": "PAUSED"})
    await world.flush()
    await parked(world, 12, "autumn_offer")
    await world.steer("/templates/autumn_offer", {"status": "APPROVED"})
    await world.flush()
    await accepted(world, 12)


async def test_what_waits_goes_as_soon_as_a_restriction_lifts(make_world: MakeWorld) -> None:
    world = await make_world(still=True, mode="observe")
    await world.steer(f"/numbers/{SMALL}", {"status": "RESTRICTED"})
    await world.poll()
    await parked(world, 12)
    await world.steer(f"/numbers/{SMALL}", {"status": "CONNECTED"})
    await world.poll()
    await accepted(world, 12)
