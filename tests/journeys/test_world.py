from tests.world import SMALL, World
async def test_it_runs(world: World) -> None:
    answer = await world.template(SMALL, "+34600000001")
    assert answer.status == 200, answer
    await world.flush()
    await world.state_of(answer, "delivered")
    await world.inbound(SMALL, "+34600000001")
    assert (await world.text(SMALL, "+34600000001")).status == 200
    assert len(await world.accepted()) == 2
    assert await world.violations() == []
    await world.advance(90000)
    assert await world.counted(SMALL) == 0
