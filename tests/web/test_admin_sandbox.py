from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.app import Gateway
from gateway.config import isolated
from tests.web.asking import assert_refused
from tests.world import DAY_S, MakeWorld, World


async def test_the_clock_moves_in_a_sandbox_only(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    before = world.clock.now()
    answer = await world.admin("/sandbox/clock", {"advance_s": DAY_S})
    assert answer["now"].startswith(f"{world.clock.now():%Y-%m-%dT%H:%M:%S}")
    assert (world.clock.now() - before).total_seconds() == DAY_S


@pytest.mark.parametrize("body", [{"advance_s": -1}, {}])
async def test_the_clock_moves_ahead_only(world: World, body: Any) -> None:
    await assert_refused(world, ("POST", "/sandbox/clock", body), 400, "advance_s")


async def test_the_clock_of_a_real_gateway_cannot_be_moved(
    database_url: str,
) -> None:
    settings = isolated(
        database_url=database_url,
        port=0,
        admin_port=0,
        admin_key="made-up",
        vault_key="made-up",
        cloud_url="http://127.0.0.1:1",
    )
    async with Gateway(settings) as gateway, ClientSession() as http:
        url = f"{gateway.addresses.admin_url}/admin/v1/sandbox/clock"
        headers = {"Authorization": "Bearer made-up"}
        async with http.post(url, json={"advance_s": 1}, headers=headers) as answer:
            assert answer.status == 404
