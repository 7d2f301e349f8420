import asyncio

from tests.outage import Server
from tests.world import PORTFOLIO, SHARED, SMALL, Options, World, running_world, until

CUSTOMER = "+34600000001"
NEWCOMER = "+34600000002"
IMPATIENT = Options(settings={"database_timeout_s": 1.0})


async def test_without_a_database_templates_are_refused_and_replies_pass_until_it_is_back(
    server: Server,
) -> None:
    async with running_world(server.url, IMPATIENT) as world:
        await world.inbound(SMALL, CUSTOMER)
        assert (await world.template(SHARED[0], CUSTOMER)).status == 200
        await world.flush()
        before = len(await world.sends())

        await server.stop()
        for _ in range(2):
            await assert_fails_closed(world)
        reply = await world.text(SMALL, CUSTOMER)
        assert (reply.status, reply.rule) == (200, "outage")
        assert reply.headers["Gateway-Message-Id"]
        new = (await world.sends())[before:]
        assert [each["type"] for each in new] == ["text"]

        await server.start()
        answer = await until(lambda: taken(world), "a template that is sent")
        await world.flush()
        await world.state_of(answer, "delivered")
        assert await world.counted(PORTFOLIO) == 2
        assert await world.violations() == []


async def assert_fails_closed(world: World) -> None:
    refused = await world.template(SHARED[0], NEWCOMER)
    assert (refused.status, refused.code) == (503, 133004)
    assert refused.headers["Gateway-Decision"] == "defer"
    assert refused.rule == "outage"
    assert int(refused.headers["Retry-After"]) > 0
    error = refused.json["error"]
    assert error["type"] == "OAuthException"
    assert error["error_data"]["messaging_product"] == "whatsapp"
    assert error["fbtrace_id"] == refused.headers["Gateway-Message-Id"]


async def taken(world: World) -> object:
    answer = await world.template(SHARED[0], NEWCOMER)
    return answer if answer.status == 200 else None


async def test_an_answer_that_came_while_the_database_was_away_is_written_when_it_is_back(
    server: Server,
) -> None:
    """The message was durable before it left; it is neither lost nor sent again."""
    async with running_world(server.url, IMPATIENT) as world:
        await world.steer("/knobs", {"answer_delay_s": 1.0, "statuses": False})
        sending = asyncio.create_task(world.template(SHARED[0], NEWCOMER))
        await until(lambda: reserved(world), "a message in flight")
        await server.stop()
        answer = await sending
        assert answer.status == 200

        await server.start()
        await until(lambda: ready(world), "readiness")
        story = await world.state_of(answer, "accepted")
        (seen,) = await world.accepted()
        assert story["wamid"] == seen["wamid"]
        assert await world.counted(PORTFOLIO) == 1


async def reserved(world: World) -> bool:
    page = await world.admin("/messages?state=reserved")
    return len(page["messages"]) == 1


async def ready(world: World) -> bool:
    return (await world.call("GET", f"{world.admin_url}/readyz")).status == 200
