"""What may not go now waits, durably, and goes by itself."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Final

from tests.builders import template_body
from tests.journeys.campaign import audience
from tests.world import DAY_S, SMALL, MakeWorld, World, until

ASYNC: Final = {"Prefer": "respond-async, wait=0"}


async def accepted(world: World, count: int) -> None:
    async def all_there() -> bool:
        return len(await world.accepted(SMALL)) >= count

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
