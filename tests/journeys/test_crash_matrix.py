"""A gateway that dies at any step of the route loses nothing, sends nothing twice, passes no limit.

Two processes serve one portfolio. One of them kills itself at a step while apps send, is started
again, and kills itself at a step while what is parked is released; the other goes on. The seed
draws who sends what through whom, which two steps meet, and at which time of many:
`CRASH_SEED=5 pytest tests/journeys/test_crash_matrix.py` draws anew.
"""

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from tests.builders import template_body
from tests.failing_gateway import STEPS, Failpoint
from tests.gateway_process import GatewayProcess, StartProcess
from tests.journeys.campaign import audience
from tests.journeys.reckoning import (
    LIMIT,
    NUMBERS,
    UNANSWERED_S,
    Campaign,
    pass_time,
    reckon,
    to_the_end,
)
from tests.world import DAY_S, PORTFOLIO, MakeWorld, World

SEED: Final = int(os.environ.get("CRASH_SEED", "1"))
PEOPLE: Final = audience(66)
FOLLOWS_S: Final = 30.0
"""How often the other process looks whether the clock was moved. Who is to die on release moves it:
seeing it at the same time, the other would now and then leave nothing to release.
"""
ONLY_ON_RELEASE: Final = {"after_claim"}
ONLY_ON_THE_WAY: Final = {"before_parking", "after_parking"}
ON_THE_WAY: Final = [step for step in STEPS if step not in ONLY_ON_RELEASE]
ON_RELEASE: Final = [step for step in STEPS if step not in ONLY_ON_THE_WAY]


def pairs() -> list[tuple[str, str]]:
    """Return the steps of each case: while apps send, and while parked messages are released."""
    drawn = random.Random(SEED).sample(ON_RELEASE, len(ON_RELEASE))  # noqa: S311 - repeatable
    missing = len(ON_THE_WAY) - len(ON_RELEASE)
    return list(zip(ON_THE_WAY, drawn + drawn[:missing], strict=True))


@pytest.mark.parametrize(("way", "release"), pairs())
async def test_a_gateway_that_dies_loses_nothing_and_doubles_nothing(
    make_world: MakeWorld, start_process: StartProcess, tmp_path: Path, way: str, release: str
) -> None:
    rng = random.Random(f"{SEED} {way}")  # noqa: S311 - repeatable, not a secret
    first, second = (
        Failpoint(step, rng.randint(1, STEPS[step].most), tmp_path / name)
        for step, name in ((way, "way"), (release, "release"))
    )
    print(f"CRASH_SEED={SEED} {first} {second}")  # noqa: T201 - shown on failure
    world = await a_world(make_world)
    victim, other = await asyncio.gather(
        start_process(world, first), start_process(world, sweep_s=FOLLOWS_S)
    )
    campaign = Campaign(world, rng)
    people = iter(PEOPLE)
    world.admin_url = other.admin_url
    world.aim_webhooks(other.data_url)
    await warm(campaign, people, victim, other)

    first.armed.touch()
    await campaign.run((victim, other), islice(people, 60))
    assert await victim.ended() == -signal.SIGKILL
    campaign.dead.append(first.process_id)
    await campaign.in_peace((other,))

    victim = await start_process(world, second)
    await warm(campaign, people, victim)
    world.admin_url = victim.admin_url
    second.armed.touch()
    with suppress(aiohttp.ClientError):
        await pass_time(world, DAY_S + UNANSWERED_S)
    assert await victim.ended() == -signal.SIGKILL
    campaign.dead.append(second.process_id)

    await to_the_end(campaign, (other,))
    print(await reckon(campaign))  # noqa: T201 - shown on failure


async def a_world(make_world: MakeWorld) -> World:
    return await make_world(
        gateway=False,
        limits={PORTFOLIO: LIMIT},
        headroom=0.0,
        settings={"sweep_s": 0.2, "unanswered_s": UNANSWERED_S},
    )


async def warm(campaign: Campaign, people: Iterator[str], *processes: GatewayProcess) -> None:
    """Let each process have its share of each number.

    Only who has one claims more than a message, and the share of one that dies is idle for 5 s.
    """
    for process in processes:
        for number in NUMBERS:
            await campaign.send(template_body(next(people)), [process.data_url], number, {})
