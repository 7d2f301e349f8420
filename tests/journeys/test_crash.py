import asyncio
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.gateway_process import GatewayProcess, StartProcess
from tests.journeys.campaign import audience
from tests.world import PORTFOLIO, SHARED, MakeWorld, World, until

NUMBER = SHARED[0]
LIMIT = 300
ALLOWANCE = 285
AT_ONCE = 24
UNANSWERED_S = 120


@dataclass(slots=True)
class Campaign:
    """A campaign as its owner sees it: who was answered 2xx, who was refused, who not at all."""

    world: World
    taken: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)

    async def run(self, people: list[str]) -> None:
        """Send to all of `people`, some at once."""
        room = asyncio.Semaphore(AT_ONCE)

        async def one(user: str) -> None:
            async with room:
                try:
                    answer = await self.world.template(NUMBER, user)
                except aiohttp.ClientError:
                    self.unanswered.add(user[1:])
                else:
                    (self.taken if answer.status == 200 else self.refused).add(user[1:])

        await asyncio.gather(*(one(user) for user in people))


async def journal(world: World, state: str) -> set[str]:
    page: dict[str, Any] = await world.admin(f"/messages?limit=500&state={state}")
    return {message["user_id"] for message in page["messages"]}


def take_over(world: World, process: GatewayProcess) -> None:
    world.data_url, world.admin_url = process.data_url, process.admin_url


async def test_a_killed_gateway_loses_nothing_sends_nothing_twice_and_never_passes_the_limit(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    world = await make_world(gateway=False, limits={PORTFOLIO: LIMIT})
    process = await start_process(world, unanswered_s=UNANSWERED_S, sweep_s=0.2)
    take_over(world, process)
    # The statuses come only after the crash, and something is always in flight.
    world.aim_webhooks(process.data_url)
    await world.steer("/knobs", {"webhooks_paused": True, "answer_delay_s": 0.03})
    people = audience(2 * LIMIT)
    before = Campaign(world)
    running = asyncio.create_task(before.run(people))

    async def halfway() -> bool:
        return world.emulator.state.journal.sends_seen > ALLOWANCE // 2

    await until(halfway, "half of the campaign")
    await process.kill()
    await running
    await world.steer("/knobs", {"answer_delay_s": 0.0})
    sent_before = {each["user"] for each in await world.accepted()}
    assert 0 < len(before.taken) < ALLOWANCE
    assert before.taken <= sent_before
    assert before.refused == set()

    process = await start_process(world, unanswered_s=UNANSWERED_S, sweep_s=0.2)
    take_over(world, process)
    written = await journal(world, "reserved") | await journal(world, "accepted")
    assert sent_before <= written, "nothing left that was not durable first"

    # What was in flight is shown as in doubt after the bound.
    in_flight = await journal(world, "reserved")
    assert in_flight
    await world.advance(UNANSWERED_S + 1)
    assert await journal(world, "in_doubt") == in_flight
    assert len(await world.sends()) == len(sent_before), "nothing is sent again by itself"

    # The owner goes on with those the gateway knows nothing of: the others may have been reached.
    after = Campaign(world)
    await after.run([user for user in people if user[1:] not in written])
    assert after.unanswered == set()
    assert len(after.taken) == ALLOWANCE - len(written)
    seen = [each["user"] for each in await world.accepted()]
    assert len(seen) == len(set(seen)), "nobody was written to twice"
    assert len(seen) <= ALLOWANCE

    # The statuses tell which of those in doubt had arrived.
    world.aim_webhooks(process.data_url)
    await world.steer("/knobs", {"webhooks_paused": False})
    await world.flush()
    assert await journal(world, "delivered") == set(seen)
    assert await journal(world, "in_doubt") == in_flight - set(seen)
    assert await world.violations() == []


async def test_a_gateway_that_is_asked_to_stop_answers_and_writes_down_what_is_in_flight(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    world = await make_world(gateway=False, webhooks=False)
    process = await start_process(world)
    take_over(world, process)
    await world.steer("/knobs", {"answer_delay_s": 0.3})
    campaign = Campaign(world)
    running = asyncio.create_task(campaign.run(audience(AT_ONCE)))
    await until(lambda: in_flight(world, AT_ONCE), "all of them in flight")
    assert await process.terminate() == 0
    await running
    assert (len(campaign.taken), campaign.unanswered) == (AT_ONCE, set())

    take_over(world, await start_process(world))
    assert await journal(world, "accepted") == campaign.taken
    assert await world.violations() == []


async def in_flight(world: World, count: int) -> bool:
    return len(await journal(world, "reserved")) == count
