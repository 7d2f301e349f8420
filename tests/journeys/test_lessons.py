import asyncio
from typing import Any, Final

import pytest

from tests.journeys.campaign import audience, sent
from tests.world import DAY_S, SHARED, Answer, MakeWorld, World

NUMBER, NEIGHBOUR = SHARED[:2]
HOUR_S: Final = 3600
MARKETING: Final = "autumn_offer"
ANNA, BEN = audience(2)
AT_ONCE: Final[dict[str, Any]] = {"headers": {"Prefer": "wait=0"}}
"""Nobody waits in these journeys: who may not go is told so."""

# A refusal in the answer, or a `failed` that follows.
BOTH_WAYS = pytest.mark.parametrize("action", ["error", "accept_then_fail"])


async def start(world: World, user: str, number: str = NUMBER, **more: Any) -> Answer:
    """Start a conversation."""
    return await world.template(number, user, **AT_ONCE, **more)


async def start_and_fail(world: World, action: str, code: int, user: str, **more: Any) -> None:
    """Start a conversation that Meta refuses with a code, and let the gateway hear of it."""
    await world.fault(action, code=code, times=1)
    answer = await start(world, user, **more)
    assert answer.rule is None, "Meta itself was asked"
    assert (answer.status, answer.code) == ((400, code) if action == "error" else (200, None))
    await world.flush()


async def assert_held(answer: Answer, code: int, rule: str, seconds: float) -> None:
    assert (answer.status, answer.code, answer.rule) == (429, code, rule)
    assert answer.headers["Gateway-Decision"] == "defer"
    assert answer.headers["Retry-After"] == str(int(seconds))


# --- 131048, of a number


@BOTH_WAYS
async def test_a_number_limited_for_spam_starts_nothing_and_probes_after_1_4_and_24_hours(
    make_world: MakeWorld, action: str
) -> None:
    world = await make_world(still=True)
    customer, *people = audience(9)
    await start_and_fail(world, action, 131048, people[0])
    for hours in (1, 4, 24, 24):
        await world.inbound(NUMBER, customer)
        await assert_held(await start(world, people[1]), 131048, "spam_limit", hours * HOUR_S)
        assert (await world.text(NUMBER, customer, **AT_ONCE)).status == 200, "replies go on"
        assert (await start(world, people[2], NEIGHBOUR)).status == 200, "so does the neighbour"
        await world.advance(hours * HOUR_S - 0.01)
        await assert_held(await start(world, people[1]), 131048, "spam_limit", 1)
        await world.advance(0.01)
        await start_and_fail(world, action, 131048, people[3])
    assert [each["user"] for each in await world.sends(NUMBER) if each["type"] == "template"] == [
        people[0].lstrip("+"),
        *[people[3].lstrip("+")] * 4,
    ]
    assert await world.violations() == []


async def test_many_refusals_of_one_campaign_are_one_step(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    await world.steer("/knobs", {"status_delay_s": 5})
    await world.fault("accept_then_fail", code=131048, times=10)
    assert sent([await start(world, user) for user in audience(10)]) == 10
    await world.advance(5)
    await world.flush()
    await assert_held(await start(world, BEN), 131048, "spam_limit", HOUR_S)


async def test_one_probe_goes_at_a_time_and_the_stop_ends_when_one_has_arrived(
    make_world: MakeWorld,
) -> None:
    world = await make_world(still=True)
    await start_and_fail(world, "error", 131048, ANNA)
    await world.steer("/knobs", {"delivered_after_s": 660})
    await world.advance(HOUR_S)

    people = audience(20, start=100)
    answers = await asyncio.gather(*(world.template(NUMBER, user) for user in people))
    assert sent(answers) == 1
    for answer in answers:
        if answer.status != 200:
            await assert_held(answer, 131048, "spam_limit", 600)
    await world.flush()
    await assert_held(await start(world, ANNA), 131048, "spam_limit", 600)
    assert (await world.accepted(NUMBER))[-1]["user"] in {user.lstrip("+") for user in people}

    await world.advance(600)
    assert (await start(world, people[0])).status == 200, "the first has taken too long"
    await assert_held(await start(world, people[1]), 131048, "spam_limit", 600)
    await world.advance(60)
    await world.flush()
    assert sent([await start(world, user) for user in people[1:4]]) == 3
    assert await world.violations() == []


async def test_after_a_stop_has_ended_the_next_begins_with_an_hour(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    for _ in range(2):
        await world.advance(1)
        await start_and_fail(world, "error", 131048, ANNA)
        await assert_held(await start(world, BEN), 131048, "spam_limit", HOUR_S)
        await world.advance(HOUR_S)
        assert (await start(world, BEN)).status == 200
        await world.flush()


# --- 131049, of a user


async def test_a_user_who_has_had_enough_rests_from_marketing_1_2_and_4_days(
    make_world: MakeWorld,
) -> None:
    world = await make_world(still=True)
    for days in (1, 2, 4):
        await start_and_fail(world, "accept_then_fail", 131049, ANNA, name=MARKETING)
        rest_s = days * DAY_S
        held = await start(world, ANNA, name=MARKETING)
        await assert_held(held, 131049, "marketing_preference", rest_s)
        assert (await start(world, ANNA)).status == 200, "this is no marketing"
        assert (await start(world, BEN, name=MARKETING)).status == 200, "somebody else"
        await world.advance(rest_s - 0.01)
        held = await start(world, ANNA, name=MARKETING)
        await assert_held(held, 131049, "marketing_preference", 1)
        await world.advance(0.01)
    assert (await start(world, ANNA, name=MARKETING)).status == 200
    assert await world.violations() == []


# --- 131056, of a pair


@BOTH_WAYS
async def test_a_pair_rests_longer_each_time_and_nobody_else_does(
    make_world: MakeWorld, action: str
) -> None:
    world = await make_world(still=True)
    for seconds in (1, 4, 16):
        await start_and_fail(world, action, 131056, ANNA)
        await assert_held(await start(world, ANNA), 131056, "pair_rate", seconds)
        assert (await start(world, BEN)).status == 200
        assert (await start(world, ANNA, NEIGHBOUR)).status == 200
        await world.advance(seconds)
    assert (await start(world, ANNA)).status == 200
    await assert_held(await start(world, ANNA), 131056, "pair_rate", 6)
    assert await world.violations() == []
