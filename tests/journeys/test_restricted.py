import asyncio

from tests.journeys.campaign import audience, campaign, sent
from tests.world import DAY_S, MIDDLE, SHARED, SMALL, MakeWorld, World

CUSTOMERS = audience(10, start=5000)
NEWCOMERS = audience(40, start=9000)


async def customers_write(world: World, number: str) -> None:
    for user in CUSTOMERS:
        await world.steer(
            "/inbound", {"phone_number_id": number, "from": user[1:], "text": "hello"}
        )
    await world.flush()


async def assert_replies_only(world: World, number: str) -> None:
    """Templates and replies come all at once: none of those reaches Meta, every one of these."""
    before = len(await world.sends(number))
    templates, replies = await asyncio.gather(
        campaign(world, number, NEWCOMERS),
        asyncio.gather(*(world.text(number, user) for user in CUSTOMERS)),
    )
    assert {(each.status, each.code) for each in templates} <= {(429, 368), (429, 131048)}
    assert all(int(each.headers["Retry-After"]) > 0 for each in templates)
    assert [each.status for each in replies] == [200] * len(CUSTOMERS)
    new = (await world.sends(number))[before:]
    assert [each["type"] for each in new] == ["text"] * len(CUSTOMERS)
    assert all(each["outcome"] == "accepted" for each in new)


async def test_a_number_that_used_up_its_limit_sends_replies_only_for_24_hours(
    make_world: MakeWorld,
) -> None:
    world = await make_world(limits={SMALL: 40})
    assert sent(await campaign(world, SMALL, audience(60))) == 38
    await customers_write(world, SMALL)

    assert (await world.number(SMALL))["status"] == "RESTRICTED"
    await assert_replies_only(world, SMALL)
    to_known_user = await world.template(SMALL, audience(1)[0])
    assert (to_known_user.status, to_known_user.code) == (429, 368)

    await world.advance(DAY_S)
    assert (await world.number(SMALL))["status"] == "CONNECTED"
    assert sent(await campaign(world, SMALL, NEWCOMERS)) == 38
    assert await world.violations() == []


async def test_a_restricted_account_sends_replies_only_until_the_restriction_ends_by_itself(
    world: World,
) -> None:
    await customers_write(world, SMALL)
    await world.steer(
        "/restrictions",
        {
            "waba_id": "100000000000001",
            "restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING",
            "duration_s": 6 * 3600,
        },
    )
    await world.flush()

    for number in (SMALL, MIDDLE):
        refused = await world.template(number, NEWCOMERS[0])
        assert (refused.status, refused.code, refused.rule) == (429, 368, "restriction")
        assert 6 * 3600 - 60 < int(refused.headers["Retry-After"]) <= 6 * 3600
    await assert_replies_only(world, SMALL)
    assert (await world.template(SHARED[0], NEWCOMERS[0])).status == 200, "another account"

    await world.advance(6 * 3600 + 1)
    assert (await world.template(SMALL, NEWCOMERS[0])).status == 200
    assert await world.violations() == []


async def test_a_restriction_that_only_the_node_tells_of_holds_and_lifts_without_a_webhook(
    make_world: MakeWorld,
) -> None:
    world = await make_world(webhooks=False)
    await world.steer(f"/numbers/{SMALL}", {"status": "RESTRICTED"})
    await world.poll()

    refused = await world.template(SMALL, NEWCOMERS[0])
    assert (refused.status, refused.code, refused.rule) == (429, 368, "restriction")
    assert await world.sends() == []

    await world.advance(DAY_S + 60)
    assert (await world.template(SMALL, NEWCOMERS[0])).status == 200
    assert await world.violations() == []
