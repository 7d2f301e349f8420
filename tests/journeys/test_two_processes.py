import asyncio
import re

from tests.gateway_process import GatewayProcess, StartProcess
from tests.journeys.campaign import audience, campaign, reached, sent
from tests.world import PORTFOLIO, SHARED, SMALL, MakeWorld, World

CONFLICTS = re.compile(r"^gateway_admission_conflicts_total (\S+)$", re.MULTILINE)


async def two(world: World, start_process: StartProcess) -> tuple[GatewayProcess, GatewayProcess]:
    first, second = await asyncio.gather(*(start_process(world) for _ in range(2)))
    world.data_url, world.admin_url = first.data_url, first.admin_url
    world.aim_webhooks(second.data_url)
    return first, second


async def conflicts(world: World, process: GatewayProcess) -> float:
    answer = await world.call("GET", f"{process.admin_url}/metrics")
    found = CONFLICTS.search(answer.body.decode())
    assert found
    return float(found[1])


async def test_two_processes_share_one_pool_without_overshoot(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    """Both are sent the same campaign over the same portfolio, at the same time."""
    world = await make_world(gateway=False, limits={PORTFOLIO: 600})
    processes = await two(world, start_process)
    people = audience(1000)
    answers = await asyncio.gather(
        campaign(world, SHARED[0], people, via=processes[0].data_url),
        campaign(world, SHARED[1], people[::-1], via=processes[1].data_url),
    )

    assert all(sent(part) > 50 for part in answers), "both admitted their part"
    assert len(reached(await world.sends())) == 570
    assert await world.counted(PORTFOLIO) == 570
    assert sum([await conflicts(world, each) for each in processes]) > 0, "they met"
    refused = [answer for part in answers for answer in part if answer.status != 200]
    assert all((answer.status, answer.code) == (429, 131048) for answer in refused)
    assert await world.violations() == []


async def test_what_one_process_learns_the_other_obeys(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    """Webhooks go to the second process only; the first decides on what they say at once."""
    world = await make_world(gateway=False, limits={SMALL: 40})
    first, second = await two(world, start_process)
    user = "+34600000001"
    await world.inbound(SMALL, user)
    assert (await world.text(SMALL, user, via=first.data_url)).status == 200

    assert sent(await campaign(world, SMALL, audience(60, start=2), via=second.data_url)) == 38
    stopped = await world.template(SMALL, user, via=first.data_url)
    assert stopped.status == 200, "the window is open"
    refused = await world.template(SMALL, "+34699999999", via=first.data_url)
    assert (refused.status, refused.rule) == (429, "messaging_limit")
    assert await world.violations() == []
