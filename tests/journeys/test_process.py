from tests.world import SMALL, World
from tests.gateway_process import StartProcess
async def test_it_runs(bare_world: World, start_process: StartProcess) -> None:
    world = bare_world
    p = await start_process(world)
    world.data_url, world.admin_url = p.data_url, p.admin_url
    world.aim_webhooks(p.data_url)
    answer = await world.template(SMALL, "+34600000001")
    assert answer.status == 200, answer
    await world.flush()
    await world.state_of(answer, "delivered")
    assert await p.terminate() == 0
    q = await start_process(world)
    await q.kill()
