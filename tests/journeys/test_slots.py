from datetime import timedelta

from tests.journeys.campaign import audience, campaign, sent
from tests.world import PORTFOLIO, SHARED, SMALL, STILL_START, MakeWorld

# The clock stands still in these worlds and nothing is held back, so that the two ledgers, the
# gateway's and Meta's, have to agree to the instant.
LIMIT = 20
DAY = timedelta(hours=24)
JUST_BEFORE = timedelta(milliseconds=10)


async def test_a_slot_of_a_portfolio_frees_exactly_24_hours_after_the_send_that_held_it(
    make_world: MakeWorld,
) -> None:
    world = await make_world(still=True, headroom=0.0, limits={PORTFOLIO: LIMIT})
    number = SHARED[0]
    started = world.clock.now()
    people = audience(LIMIT)
    for user in people:
        assert (await world.template(number, user)).status == 200
        await world.advance(60)

    for index, newcomer in enumerate(audience(LIMIT, start=1000)):
        frees_at = started + index * timedelta(seconds=60) + DAY
        await world.advance_to(frees_at - JUST_BEFORE)
        early = await world.template(number, newcomer)
        assert (early.status, early.code) == (429, 131048), index
        assert early.headers["Retry-After"] == "1"
        await world.advance_to(frees_at)
        assert (await world.template(number, newcomer)).status == 200, index
        late = await world.template(number, f"{newcomer}9")
        assert late.status == 429, "only one slot was free"

    assert await world.violations() == []


async def test_a_number_that_used_up_its_limit_is_free_exactly_24_hours_after_the_last_send(
    make_world: MakeWorld,
) -> None:
    world = await make_world(still=True, headroom=0.0, limits={SMALL: LIMIT})
    people = audience(LIMIT)
    assert sent(await campaign(world, SMALL, people[:-1])) == LIMIT - 1
    await world.advance(3600)
    assert (await world.template(SMALL, people[-1])).status == 200
    filled_at = world.clock.now()
    newcomer = "+34699999999"

    # 19 slots are free by now, but the number is RESTRICTED.
    await world.advance_to(filled_at + DAY - JUST_BEFORE)
    early = await world.template(SMALL, newcomer)
    assert early.status == 429
    assert early.headers["Retry-After"] == "1"
    await world.advance_to(filled_at + DAY)
    assert (await world.template(SMALL, newcomer)).status == 200

    assert await world.violations() == []


async def test_a_user_written_to_again_holds_the_slot_from_the_last_send_on(
    make_world: MakeWorld,
) -> None:
    world = await make_world(still=True, headroom=0.0, limits={PORTFOLIO: 1})
    number, user, newcomer = SHARED[0], "+34600000001", "+34600000002"
    assert (await world.template(number, user)).status == 200
    await world.advance(12 * 3600)
    again_at = world.clock.now()
    assert (await world.template(number, user)).status == 200

    await world.advance(12 * 3600)
    refused = await world.template(number, newcomer)
    assert refused.headers["Retry-After"] == str(12 * 3600)
    await world.advance_to(again_at + DAY)
    assert (await world.template(number, newcomer)).status == 200
    assert await world.violations() == []


async def test_a_number_stays_restricted_although_a_message_that_filled_it_fails_later(
    make_world: MakeWorld,
) -> None:
    """With nothing held back Meta has seen its limit reached too, and RESTRICTED takes 24 hours."""
    world = await make_world(still=True, headroom=0.0, limits={SMALL: LIMIT})
    await world.steer("/knobs", {"status_delay_s": 60})
    await world.fault("accept_then_fail", code=131026, times=1)
    assert sent(await campaign(world, SMALL, audience(LIMIT))) == LIMIT
    await world.advance(60)
    await world.flush()

    assert await world.counted(SMALL) == LIMIT - 1
    assert (await world.number(SMALL))["status"] == "RESTRICTED"
    assert (await world.template(SMALL, "+34699999999")).status == 429
    await world.advance_to(STILL_START + DAY)
    assert (await world.template(SMALL, "+34699999999")).status == 200
    assert await world.violations() == []


async def test_a_number_is_free_again_when_meta_refused_a_message_that_filled_it(
    make_world: MakeWorld,
) -> None:
    """What Meta refused on the spot it has not counted, so it has not RESTRICTED the number."""
    world = await make_world(still=True, headroom=0.0, limits={SMALL: LIMIT})
    assert sent(await campaign(world, SMALL, audience(LIMIT - 1))) == LIMIT - 1
    await world.fault("error", code=131026, times=1)
    assert (await world.template(SMALL, "+34699999999")).code == 131026

    assert (await world.number(SMALL))["status"] == "CONNECTED"
    assert (await world.template(SMALL, "+34699999998")).status == 200
    assert (await world.emulated(SMALL))["status"] == "RESTRICTED"
    assert await world.violations() == []
