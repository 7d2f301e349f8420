from gateway.emulator import Knobs
from tests.emulator.conftest import ANA, FIRST, Receiver, Start, flushed, template


async def test_a_slot_is_taken_when_the_knob_says(
    start: Start, receiver: tuple[Receiver, str]
) -> None:
    """Source: LIM, 8 May 2026, which says deliver (R§12.1 row 2)."""
    _, url = receiver
    cloud = await start(webhook_url=url, knobs=Knobs(count_on="delivered", status_delay_s=60))
    await cloud.send(template(ANA))
    assert (await cloud.number(FIRST))["counted_users"] == 0
    cloud.clock.advance(61)
    assert (await cloud.number(FIRST))["counted_users"] == 1
    await flushed(cloud)
