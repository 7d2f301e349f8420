"""Whatever goes away under load, nothing is lost, nothing sent twice, no limit passed.

Two processes serve one portfolio while the database is restarted, its connections are cut, or the
cloud takes messages and does not say so. The seed draws who sends what through whom, and what goes
wrong when: `CRASH_SEED=5 pytest tests/journeys/test_outage_matrix.py` draws anew.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any, Final

import pytest

from gateway.store.errors import StoreUnavailableError
from tests.gateway_process import GatewayProcess, StartProcess
from tests.journeys.campaign import audience
from tests.journeys.reckoning import (
    LEASE_S,
    LIMIT,
    UNANSWERED_S,
    Campaign,
    pass_time,
    reckon,
    to_the_end,
)
from tests.outage import Server
from tests.world import DAY_S, PORTFOLIO, MakeWorld, Options, World, running_world, until

SEED: Final = int(os.environ.get("CRASH_SEED", "1"))
PEOPLE: Final = audience(90)
LATER: Final = audience(LIMIT, start=len(PEOPLE) + 1)
FEW: Final = LIMIT // 4
OPTIONS: Final[dict[str, Any]] = {
    "gateway": False,
    "limits": {PORTFOLIO: LIMIT},
    "headroom": 0.0,
    "seed": SEED,
    "settings": {
        "sweep_s": 0.2,
        "unanswered_s": UNANSWERED_S,
        "cloud_timeout_s": 0.5,
        "database_timeout_s": 2.0,
    },
}
CUT: Final = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where datname = current_database() and application_name = 'gateway' and pid <> pg_backend_pid()
"""
FAULTS: Final = (
    "reset",
    "timeout",
    "half_answer",
    "accept_then_reset",
    "accept_then_timeout",
)


def drawn(name: str) -> random.Random:
    print(f"CRASH_SEED={SEED}")  # noqa: T201 - shown on failure
    return random.Random(f"{SEED} {name}")  # noqa: S311 - repeatable, not a secret


async def two(world: World, start_process: StartProcess) -> tuple[GatewayProcess, GatewayProcess]:
    first, other = await asyncio.gather(start_process(world), start_process(world))
    world.admin_url = other.admin_url
    world.aim_webhooks(other.data_url)
    return first, other


async def some_have_gone(world: World, count: int) -> None:
    async def seen() -> bool:
        return world.emulator.state.journal.sends_seen >= count

    await until(seen, f"{count} messages at the emulator")


async def test_a_database_that_is_restarted_under_load(
    server: Server, start_process: StartProcess
) -> None:
    async def restart() -> None:
        await server.stop()
        await server.start()

    rng = drawn("restart")
    async with running_world(server.url, Options(**OPTIONS)) as world:
        campaign = await bothered(world, start_process, rng, restart)
    assert 503 in {answer.status for answer in campaign.told.values() if answer is not None}


async def test_connections_to_the_database_that_are_cut_under_load(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    async def some_are_cut() -> bool:
        try:
            async with world.database.connection() as connection:
                count: int = await connection.fetchval(CUT)
        except StoreUnavailableError:
            return False  # our own were cut the last time
        return count > 0

    async def cut() -> None:
        # After the last time they may still be on their way back.
        await until(some_are_cut, "connections to cut")

    rng = drawn("cut")
    world = await make_world(**OPTIONS)
    await bothered(world, start_process, rng, cut)


async def bothered(
    world: World,
    start_process: StartProcess,
    rng: random.Random,
    bother: Callable[[], Awaitable[None]],
) -> Campaign:
    """Have something happen to the database while apps send, and while messages are released."""
    processes = await two(world, start_process)
    journal = world.emulator.state.journal
    campaign = Campaign(world, rng)
    people = iter(PEOPLE)
    # Together no more than the limit have to go, for the bother to come.
    for wave in (LIMIT - FEW, len(PEOPLE)):
        before = journal.sends_seen
        running = asyncio.create_task(campaign.run(processes, islice(people, wave)))
        await some_have_gone(world, before + rng.randint(1, FEW))
        await bother()
        await running
    await campaign.in_peace(processes)

    # However many were refused so far, there is enough to release.
    await campaign.run(processes, LATER, chances=(0, 0, 1))
    before = journal.sends_seen
    await pass_time(world, DAY_S + UNANSWERED_S)
    await some_have_gone(world, before + rng.randint(1, LIMIT // 2))
    await bother()
    # What was claimed and not decided on is anybody's when the lease is over.
    await pass_time(world, LEASE_S + 1)
    await to_the_end(campaign, processes)
    print(await reckon(campaign))  # noqa: T201 - shown on failure
    return campaign


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_cloud_that_does_not_say_what_it_did(
    make_world: MakeWorld, start_process: StartProcess, fault: str
) -> None:
    rng = drawn(fault)
    world = await make_world(**OPTIONS)
    processes = await two(world, start_process)
    await world.fault(fault, probability=0.3)
    campaign = Campaign(world, rng)
    await campaign.run(processes, PEOPLE)
    await to_the_end(campaign, processes)
    ends = await reckon(campaign)
    told = [answer.status for answer in campaign.told.values() if answer is not None]
    assert {502, 504} & set(told), (ends, told)
