import pytest

from tests.journeys.campaign import audience, campaign, reached, sent
from tests.world import DAY_S, MIDDLE, SHARED, SMALL, MakeWorld, World

ALL_LOST = {"drop_rate": 1.0}


async def turn(world: World, rating: str) -> None:
    await world.steer(f"/numbers/{MIDDLE}", {"quality_rating": rating})
    await world.flush()


async def assert_standing(world: World, status: str, limit: int) -> None:
    view, emulated = await world.number(MIDDLE), await world.emulated(MIDDLE)
    assert (view["status"], view["messaging_limit"]) == (status, limit)
    assert (emulated["status"], emulated["messaging_limit"]) == (status, limit)


async def test_a_flagged_number_recovers_and_keeps_its_limit(world: World) -> None:
    await turn(world, "RED")
    await assert_standing(world, "FLAGGED", 1000)
    await world.advance(3 * DAY_S)
    await turn(world, "GREEN")
    await assert_standing(world, "CONNECTED", 1000)

    await world.advance(5 * DAY_S)
    await assert_standing(world, "CONNECTED", 1000)
    assert await world.violations() == []


async def test_a_number_that_falls_again_is_flagged_for_seven_new_days(world: World) -> None:
    await turn(world, "RED")
    await world.advance(6 * DAY_S)
    await turn(world, "YELLOW")
    await world.advance(3600)
    await turn(world, "RED")
    await world.advance(6 * DAY_S)
    await assert_standing(world, "FLAGGED", 1000)

    await world.advance(DAY_S + 2)
    await world.flush()
    await assert_standing(world, "CONNECTED", 250)


@pytest.mark.parametrize("lost", ["none", "after the flag", "all"])
async def test_a_flagged_number_that_does_not_recover_falls_one_level_after_seven_days(
    world: World, lost: str
) -> None:
    """The gateway runs the clock itself: with every webhook lost one look at the node will do."""
    if lost == "all":
        await world.steer("/knobs", ALL_LOST)
    await turn(world, "RED")
    if lost == "after the flag":
        await world.steer("/knobs", ALL_LOST)
    if lost == "all":
        assert (await world.number(MIDDLE))["status"] == "CONNECTED"
        await world.poll()
    await assert_standing(world, "FLAGGED", 1000)

    await world.advance(7 * DAY_S - 60)
    await world.flush()
    await assert_standing(world, "FLAGGED", 1000)
    await world.advance(120)
    await world.flush()
    await assert_standing(world, "CONNECTED", 250)

    assert sent(await campaign(world, MIDDLE, audience(300))) == int(250 * 0.95)
    assert len(reached(await world.sends(MIDDLE))) == int(250 * 0.95)
    assert await world.violations() == []


async def test_a_number_flagged_again_falls_level_by_level_to_fifty(make_world: MakeWorld) -> None:
    world = await make_world()
    for limit in (250, 50, 50):
        await turn(world, "RED")
        await world.advance(7 * DAY_S + 2)
        await world.flush()
        await assert_standing(world, "CONNECTED", limit)
        await turn(world, "GREEN")


async def test_a_red_rating_does_not_flag_a_number_of_a_portfolio(world: World) -> None:
    """Since October 2025 quality no longer lowers a limit (R§4.3)."""
    await world.steer(f"/numbers/{SHARED[0]}", {"quality_rating": "RED"})
    await world.flush()
    await world.poll()
    await world.advance(8 * DAY_S)
    view = await world.number(SHARED[0])
    assert (view["status"], view["messaging_limit"]) == ("CONNECTED", 2000)
    assert (await world.number(SMALL))["status"] == "CONNECTED"
