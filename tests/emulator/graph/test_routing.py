import asyncio

import aiohttp
import pytest

from tests.emulator.conftest import FIRST, WABA, Cloud


async def test_an_unknown_edge_is_said_so(cloud: Cloud) -> None:
    answer = await cloud.get(f"/v25.0/{FIRST}/no_such_edge")
    assert (answer["http"], answer["error"]["code"]) == (400, 2500)


async def test_the_empty_path_is_an_unknown_object(cloud: Cloud) -> None:
    answer = await cloud.get("/v25.0/")
    assert (answer["error"]["code"], answer["error"]["error_subcode"]) == (100, 33)


async def test_faults_strike_other_paths_too(cloud: Cloud) -> None:
    match = {"path": "message_templates"}
    await cloud.steer("/faults", match=match, action="error", code=80008, times=1)
    path = f"/{WABA}/message_templates"
    assert (await cloud.get(path))["error"]["code"] == 80008
    assert (await cloud.get(path))["http"] == 200


@pytest.mark.parametrize("action", ["reset", "accept_then_reset", "half_answer"])
async def test_broken_connections_on_other_paths(cloud: Cloud, action: str) -> None:
    await cloud.steer("/faults", match={"phone_number_id": FIRST}, action=action, times=1)
    with pytest.raises(aiohttp.ClientError):
        await cloud.get(f"/{FIRST}")


async def test_a_delay_only_delays(cloud: Cloud) -> None:
    await cloud.steer("/faults", action="delay", delay_s=0.01, times=1)
    async with asyncio.timeout(5):
        assert (await cloud.get(f"/{FIRST}"))["id"] == FIRST


async def test_a_token_can_be_looked_at(cloud: Cloud) -> None:
    good = await cloud.get("/debug_token?input_token=made-up-token")
    assert good["data"]["is_valid"] is True
    bad = await cloud.get("/debug_token?input_token=other")
    assert bad["data"]["is_valid"] is False
