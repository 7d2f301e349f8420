from datetime import timedelta

import pytest

from gateway.cli import demo
from tests.builders import status_value
from tests.journeys.campaign import audience, campaign, sent
from tests.world import PORTFOLIO, SHARED, SMALL, MakeWorld, World

NUMBER = SHARED[0]
DEMO_NUMBER = next(each for each in demo.NUMBERS if each.phone_number_id == NUMBER)
USER = "+34600000001"


async def test_a_stranger_with_a_wrong_token_takes_no_slot(make_world: MakeWorld) -> None:
    """The token is passed through, Meta refuses it, and the number is as free as before."""
    world = await make_world(limits={SMALL: 40})
    for user in audience(60):
        refused = await world.template(SMALL, user, key="EAAwrong")
        assert (refused.status, refused.code) == (401, 190)
        assert refused.headers["Gateway-Decision"] == "upstream"

    assert await world.counted(SMALL) == 0
    assert (await world.number(SMALL))["status"] == "CONNECTED"
    assert await world.accepted() == []
    assert sent(await campaign(world, SMALL, audience(60))) == 38
    assert await world.violations() == []


async def test_refusals_that_fill_a_number_for_a_moment_leave_it_free(
    make_world: MakeWorld,
) -> None:
    """Taken all at once they reach the limit, so that the number is RESTRICTED until they end."""
    world = await make_world(limits={SMALL: 40})
    await world.steer("/knobs", {"answer_delay_s": 0.05})
    await world.fault("error", code=131045)
    answers = await campaign(world, SMALL, audience(60))
    assert sent(answers) == 0
    assert {each.code for each in answers} >= {131045, 131048}
    await world.steer("/faults", method="DELETE")

    assert await world.counted(SMALL) == 0
    assert (await world.number(SMALL))["status"] == "CONNECTED"
    assert sent(await campaign(world, SMALL, audience(60))) == 38
    assert await world.violations() == []


@pytest.mark.parametrize("code", [131026, 132015, 131056, 190])
async def test_a_refusal_by_meta_releases_the_slot_before_the_app_hears_of_it(
    world: World, code: int
) -> None:
    await world.fault("error", code=code, times=1)
    refused = await world.template(NUMBER, USER)
    assert refused.code == code
    assert await world.counted(PORTFOLIO) == 0
    story = await world.message(refused)
    assert (story["state"], story["hold"]) == ("refused", "released")


async def test_a_refusal_leaves_the_slot_that_an_earlier_message_holds(world: World) -> None:
    assert (await world.template(NUMBER, USER)).status == 200
    await world.fault("error", code=131026, times=1)
    assert (await world.template(NUMBER, USER)).status == 400
    assert await world.counted(PORTFOLIO) == 1


async def test_a_failed_message_gives_its_slot_back_and_takes_it_again_if_it_arrives_after_all(
    world: World,
) -> None:
    await world.steer("/knobs", {"statuses": False})
    answer = await world.template(NUMBER, USER)
    (seen,) = await world.sends()
    at = world.clock.now()
    expected = [
        ("sent", "sent", "reserved", 1),
        ("failed", "failed", "released", 0),
        ("failed", "failed", "released", 0),
        ("sent", "failed", "released", 0),
        ("delivered", "delivered", "settled", 1),
        ("failed", "delivered", "settled", 1),
        ("read", "read", "settled", 1),
    ]
    for step, (status, state, hold, counted) in enumerate(expected):
        value = status_value(DEMO_NUMBER, seen, status, at + timedelta(seconds=step))
        told = await world.webhook("messages", value, waba_id=DEMO_NUMBER.waba_id)
        assert told.status == 200
        story = await world.message(answer)
        assert (story["state"], story["hold"]) == (state, hold), step
        assert await world.counted(PORTFOLIO) == counted, step


async def test_a_failure_that_meta_tells_of_later_frees_the_number(make_world: MakeWorld) -> None:
    """Marketing to users who stopped it is accepted first, and fails a moment later."""
    world = await make_world(limits={SMALL: 40})
    whole = {"shares": {"class:marketing": None}}
    await world.admin(f"/pools/{SMALL}", whole, method="PATCH")
    people = audience(38)
    await world.steer("/knobs", {"drop_rate": 1.0})
    for user in people:
        body = {"phone_number_id": SMALL, "user": user[1:], "value": "stop"}
        await world.steer("/preferences", body)
    await world.steer("/knobs", {"drop_rate": 0.0, "webhooks_paused": True})
    answers = [await world.template(SMALL, user, "autumn_offer") for user in people]
    assert sent(answers) == 38
    assert (await world.number(SMALL))["status"] == "RESTRICTED"

    await world.steer("/knobs", {"webhooks_paused": False})
    await world.flush()
    assert await world.counted(SMALL) == 0
    assert (await world.number(SMALL))["status"] == "CONNECTED"
    again = await world.template(SMALL, people[0], "autumn_offer")
    assert (again.code, again.rule) == (131050, "marketing_preference")
    assert sent(await campaign(world, SMALL, audience(38, start=500))) == 38
