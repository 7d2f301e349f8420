import asyncio
from collections import Counter
from typing import Any

import pytest

from gateway.emulator import Knobs
from tests.journeys.campaign import audience, campaign, sent
from tests.world import PORTFOLIO, SHARED, MakeWorld, World

NUMBER = SHARED[0]
PEOPLE = audience(60)
WRITERS = PEOPLE[:20]


async def talk(world: World) -> None:
    """Write to everybody, be answered by some, and answer them."""
    assert sent(await campaign(world, NUMBER, PEOPLE)) == len(PEOPLE)
    for user in WRITERS:
        body = {"phone_number_id": NUMBER, "from": user[1:], "text": "hello"}
        await world.steer("/inbound", body)
    await world.flush()
    answers = await asyncio.gather(*(world.text(NUMBER, user) for user in WRITERS))
    assert [answer.status for answer in answers] == [200] * len(WRITERS)
    await world.flush()


async def states(world: World) -> Counter[str]:
    page: dict[str, Any] = await world.admin("/messages?limit=500")
    return Counter(message["state"] for message in page["messages"])


@pytest.mark.parametrize(
    "disorder",
    [
        {},
        {"duplicate_rate": 0.5},
        {"shuffle": True, "batch_max": 3, "webhook_workers": 4},
        {"duplicate_rate": 0.5, "shuffle": True, "batch_max": 7, "webhook_workers": 4},
    ],
    ids=["in order", "doubled", "shuffled", "doubled and shuffled"],
)
async def test_duplicates_and_disorder_of_webhooks_change_nothing(
    make_world: MakeWorld, disorder: dict[str, Any]
) -> None:
    world = await make_world(knobs=Knobs(read=True, **disorder))
    await talk(world)

    assert await states(world) == {"read": len(PEOPLE) + len(WRITERS)}
    assert await world.counted(PORTFOLIO) == len(PEOPLE)
    assert (await world.admin("/inbox/problems"))["problems"] == []
    assert await world.violations() == []


async def test_of_what_is_lost_at_random_only_the_news_is_missing(make_world: MakeWorld) -> None:
    world = await make_world(knobs=Knobs(drop_rate=0.4, duplicate_rate=0.3, shuffle=True))
    assert sent(await campaign(world, NUMBER, PEOPLE)) == len(PEOPLE)
    await world.flush()

    found = await states(world)
    assert found.total() == len(PEOPLE)
    assert found.keys() <= {"accepted", "sent", "delivered"}
    assert found["delivered"] < len(PEOPLE), "some statuses were lost"
    assert await world.counted(PORTFOLIO) == len(PEOPLE)
    assert await world.violations() == []
