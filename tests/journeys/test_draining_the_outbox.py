"""P3 for messages that may wait while their process is stopped in good order."""

import asyncio
from collections import Counter
from datetime import timedelta

from tests.builders import template_body
from tests.gateway_process import GatewayProcess, StartProcess
from tests.journeys.campaign import audience
from tests.world import MIDDLE, Answer, MakeWorld, World, until

ASYNC = {"Prefer": "respond-async, wait=10"}


async def slow_world(make_world: MakeWorld) -> World:
    """Return a world in which more is asked for than the number may send."""
    world = await make_world(gateway=False, webhooks=False, throughput=20, limits={MIDDLE: 100_000})
    await world.steer("/knobs", {"answer_delay_s": 0.2})
    return world


async def arrived(world: World, people: list[str]) -> None:
    """Wait until each of them has been sent to; once each, and nobody else."""

    async def all_there() -> bool:
        return len(await world.accepted(MIDDLE)) >= len(people)

    await until(all_there, "everybody was sent to", 40.0)
    expected = Counter(user.removeprefix("+") for user in people)
    assert Counter(each["user"] for each in await world.accepted(MIDDLE)) == expected


async def leased(world: World) -> int:
    async with world.database.connection() as connection:
        count: int = await connection.fetchval(
            "select count(*) from outbox where leased_until is not null"
        )
    return count


async def test_who_stands_in_line_is_parked_and_another_process_sends(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    world = await slow_world(make_world)
    process = await start_process(world)
    people = audience(120)

    async def send(user: str) -> Answer:
        return await world.send(MIDDLE, template_body(user), headers=ASYNC, via=process.data_url)

    sending = [asyncio.create_task(send(user)) for user in people]
    await until(lambda: world.accepted(MIDDLE), "messages on the wire, behind them a line")
    assert await process.terminate() == 0
    answers = await asyncio.gather(*sending)

    assert {answer.status for answer in answers} == {200, 202}
    away = [answer for answer in answers if answer.rule == "draining"]
    assert away, "some were parked because the process went away"
    assert await leased(world) == 0
    await start_process(world)
    await arrived(world, people)


async def test_what_it_had_claimed_another_process_sends_at_once(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    world = await slow_world(make_world)
    first = await start_process(world)
    people = audience(120)
    at = (world.clock.now() + timedelta(seconds=2)).isoformat()
    answers = await asyncio.gather(
        *(
            world.send(
                MIDDLE,
                template_body(user),
                headers={"Gateway-Send-At": at},
                via=first.data_url,
            )
            for user in people
        )
    )
    assert {answer.status for answer in answers} == {202}
    await until(lambda: leased(world), "parcels that it has claimed")
    second: GatewayProcess
    second, code = await asyncio.gather(start_process(world), first.terminate())
    assert code == 0
    assert second.is_running
    await arrived(world, people)
