import asyncio

import aiohttp
import pytest

from tests.emulator.conftest import FIRST, WABA, Cloud, Start, template


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


async def test_an_answer_that_was_broken_off_was_acted_upon(cloud: Cloud) -> None:
    await cloud.steer("/faults", match={"path": "deregister"}, action="half_answer", times=1)
    with pytest.raises(aiohttp.ClientError):
        await (await cloud.call("POST", f"/{FIRST}/deregister")).read()
    assert not cloud.emulator.state.registry.numbers[FIRST].is_registered


@pytest.mark.parametrize("query", [f"ids={FIRST}", "date_format=U"])
async def test_what_was_withdrawn_is_refused(cloud: Cloud, query: str) -> None:
    """Source: G-VER (R§9): errors in every version since 27 Oct 2026."""
    answer = await cloud.get(f"/v25.0/{FIRST}?{query}")
    assert (answer["http"], answer["error"]["code"]) == (400, 100)


async def test_traces_are_seeded_and_all_different(start: Start) -> None:
    seen = []
    for _ in range(2):
        cloud = await start()
        answers = [await cloud.call("GET", f"/{FIRST}") for _ in range(3)]
        seen.append([each.headers["x-fb-trace-id"] for each in answers])
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 3


async def test_answers_shift_no_ids_of_messages(start: Start) -> None:
    """What is asked in between must not change what a seed gives."""
    quiet, asked = await start(), await start()
    await asked.get(f"/{FIRST}")
    wamids = [(await each.send(template()))["messages"][0]["id"] for each in (quiet, asked)]
    assert wamids[0] == wamids[1]
