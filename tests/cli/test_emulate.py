import json
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from gateway.cli.demo import NUMBERS, DemoKeys
from tests.cli.command import Command, Run, Start


async def address(command: Command) -> str:
    line = await command.says("Cloud API emulator on ")
    return line.split()[4].rstrip(";")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_plays_the_demo_world_until_it_is_stopped(
    start: Start, number: signal.Signals
) -> None:
    command = await start("emulate", "--port", "0")
    url = await address(command)
    headers = {"Authorization": f"Bearer {DemoKeys.fixed().meta_token}"}
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{url}/_emulator/state") as answer:
            assert answer.status == 200
        path = f"/v25.0/{NUMBERS[0].phone_number_id}"
        async with http.get(url + path, headers=headers) as answer:
            assert (await answer.json())["id"] == NUMBERS[0].phone_number_id
    done = await command.stopped(number)
    assert (done.code, done.err) == (0, "")


async def test_it_plays_the_world_of_a_file(start: Start, tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text(json.dumps({"app_id": "300000000000009"}))
    command = await start("emulate", "--port", "0", "--world", "world.json", "--observe")
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{await address(command)}/_emulator/state") as answer,
    ):
        assert (await answer.json())["numbers"] == []


@pytest.mark.parametrize("content", [None, "not JSON", '{"numbers": 7}', '{"unknown": 1}'])
async def test_a_file_that_is_no_world_is_one_line(
    run: Run, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "world.json").write_text(content)
    done = await run("emulate", "--port", "0", "--world", "world.json")
    assert (done.code, done.line.startswith("gateway: world.json: ")) == (1, True)


async def test_a_port_that_is_taken_is_one_line(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = await run("emulate", "--port", port)
    assert done.code == 1
    assert done.line.startswith(f"gateway: cannot listen on 127.0.0.1:{port}: ")
