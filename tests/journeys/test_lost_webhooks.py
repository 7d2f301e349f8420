from tests.journeys.campaign import audience, campaign, reached, sent
from tests.world import DAY_S, PORTFOLIO, SHARED, SMALL, MakeWorld

LOST = {"drop_rate": 1.0}


async def test_limits_hold_for_days_although_no_webhook_ever_arrives(
    make_world: MakeWorld,
) -> None:
    world = await make_world(limits={SMALL: 60, PORTFOLIO: 100})
    await world.steer("/knobs", LOST)
    people = audience(150)
    for day in range(3):
        first, second = people[day * 10 :], people[: -1 - day]
        assert sent(await campaign(world, SMALL, first)) == 57
        assert sent(await campaign(world, SHARED[day], second)) == 95
        await world.advance(DAY_S + 1)

    assert (await world.steer("/state"))["delivered_webhooks"] == 0
    assert len(reached(await world.sends(SMALL))) == 57 + 2 * 10
    assert await world.violations() == []


async def test_a_failed_status_that_is_lost_keeps_its_slot_until_it_ages(
    make_world: MakeWorld,
) -> None:
    """What is not known to have failed counts: a limit is rather not used up than passed."""
    world = await make_world()
    await world.steer("/knobs", LOST)
    user = "+34600000001"
    stop = {"phone_number_id": SHARED[0], "user": user[1:], "value": "stop"}
    await world.steer("/preferences", stop)
    answer = await world.template(SHARED[0], user, "autumn_offer")
    await world.state_of(answer, "accepted")
    assert await world.counted(PORTFOLIO) == 1
    await world.advance(DAY_S)
    assert await world.counted(PORTFOLIO) == 0


async def test_a_users_message_that_is_lost_opens_no_window_here(make_world: MakeWorld) -> None:
    world = await make_world()
    await world.steer("/knobs", LOST)
    user = "+34600000001"
    await world.inbound(SMALL, user)

    refused = await world.text(SMALL, user)
    assert (refused.code, refused.rule) == (131047, "service_window")
    assert (await world.template(SMALL, user)).status == 200
    assert await world.counted(SMALL) == 1, "counted, since the open window is not known of"
    assert await world.violations() == []
