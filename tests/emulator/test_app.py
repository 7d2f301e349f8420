import asyncio

from tests.emulator.conftest import ANA, BEN, FIRST, Cloud, Receiver, Start, flushed, template


async def test_paths_work_with_and_without_a_version(cloud: Cloud) -> None:
    for path in (f"/v25.0/{FIRST}", f"/v9.0/{FIRST}", f"/{FIRST}"):
        assert (await cloud.get(path))["id"] == FIRST


async def test_time_that_passes_by_itself_brings_what_is_due(start: Start) -> None:
    cloud = await start()
    seen = asyncio.Event()
    cloud.emulator.state.schedule.at(cloud.clock.now().timestamp() + 60, lambda _: seen.set())
    cloud.clock.advance(61)
    cloud.emulator.on_clock_advanced()
    async with asyncio.timeout(5):
        await seen.wait()


async def test_what_one_call_caused_is_a_delivery_of_its_own(
    told: tuple[Cloud, Receiver],
) -> None:
    """Source: R§8.1 says only that batches vary; here they depend on the calls alone."""
    cloud, receiver = told
    await cloud.steer("/knobs", webhooks_paused=True)
    await cloud.write()
    await cloud.send(template(ANA))
    await cloud.send(template(BEN))
    await cloud.steer("/knobs", webhooks_paused=False)
    await flushed(cloud)
    assert [len(body["entry"][0]["changes"]) for body in receiver.bodies] == [1, 2, 2]


async def test_a_second_emulator_shares_nothing(start: Start) -> None:
    one, other = await start(), await start()
    await one.send(template())
    assert len(await one.told("/sends")) == 1
    assert await other.told("/sends") == []
