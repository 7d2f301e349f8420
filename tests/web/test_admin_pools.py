from typing import Any

import pytest

from tests.web.asking import assert_refused
from tests.world import MIDDLE, PORTFOLIO, SHARED, SMALL, MakeWorld, World

ANA, BEN, CAT = "+34600000001", "+34600000002", "+34600000003"


async def test_every_pool_is_listed_and_shown_with_its_numbers(world: World) -> None:
    pools = {each["pool_id"]: each for each in (await world.admin("/pools"))["pools"]}
    assert pools.keys() == {SMALL, MIDDLE, PORTFOLIO}
    assert (pools[SMALL]["allowance"], pools[SMALL]["remaining"]) == (237, 237)
    numbers = (await world.admin(f"/pools/{PORTFOLIO}"))["numbers"]
    assert sorted(each["phone_number_id"] for each in numbers) == sorted(SHARED)


async def test_the_forecast_says_when_the_counted_leave(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    await world.template(SMALL, ANA)
    await world.advance(3 * 3600 + 60)
    await world.template(SMALL, BEN)
    await world.template(SMALL, CAT)
    pool = await world.admin(f"/pools/{SMALL}")
    slots = [hour["slots"] for hour in pool["forecast"]]
    assert pool["counted"] == sum(slots) == 3
    assert {hour: count for hour, count in enumerate(slots) if count} == {20: 1, 23: 2}
    assert pool["remaining"] == pool["allowance"] - 3
    await world.advance(21 * 3600)
    pool = await world.admin(f"/pools/{SMALL}")
    assert pool["counted"] == sum(hour["slots"] for hour in pool["forecast"]) == 2


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        ("/pools/new", {"regime": "per_number"}, "messaging_limit"),
        ("/pools/a%20b", {"regime": "per_number", "messaging_limit": 250}, "id"),
        ("/pools/%00", {"regime": "per_number", "messaging_limit": 250}, "NUL"),
    ],
)
async def test_a_pool_that_makes_no_sense_is_not_added(
    world: World, path: str, body: Any, names: str
) -> None:
    await assert_refused(world, ("POST", path, body), 400, names)


async def test_an_operators_limit_holds_from_the_next_message_on(world: World) -> None:
    shown = await world.admin(
        f"/pools/{SMALL}", {"regime": "per_number", "messaging_limit": 2, "headroom": 0}
    )
    assert (shown["allowance"], shown["limit_source"]) == (2, "operator")
    statuses = [(await world.template(SMALL, user)).status for user in (ANA, BEN, CAT)]
    assert statuses == [200, 200, 429]
    unlimited = {"regime": "per_number", "messaging_limit": None}
    assert (await world.admin(f"/pools/{MIDDLE}", unlimited))["remaining"] is None
    assert "RateLimit" not in (await world.template(MIDDLE, ANA)).headers
