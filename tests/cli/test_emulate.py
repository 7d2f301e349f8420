import json
import shlex
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from gateway.cli.demo import NUMBERS, DemoKeys
from gateway.cli.emulate import how_to
from gateway.emulator.steering.scenario import Scenario
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


async def test_a_scenario_is_played_as_a_person_would_try_it(start: Start) -> None:
    """Paste the printed curl, read the report, press Ctrl-C."""
    command = await start("emulate", "--port", "0", "--scenario", "red-week", "--speed", "0")
    url = await address(command)
    await command.says("begin anew")
    printed = command.out
    curl, target, *options = shlex.split(
        printed[printed.index("  curl ") : printed.index("  look ")]
    )
    given = dict(zip(options[::2], options[1::2], strict=True)) if curl == "curl" else {}
    headers = dict(option.split(": ") for option in options if ": " in option and "{" not in option)
    async with aiohttp.ClientSession() as http:
        async with http.post(target, data=given["-d"], headers=headers) as sent:
            assert (await sent.json())["messages"][0]["message_status"] == "accepted"
        body = json.dumps({"advance_s": 3 * 86_400})
        async with http.post(f"{url}/_emulator/clock", data=body) as moved:
            assert await moved.json() == {"now": "2026-11-05T09:00:00+00:00"}
        async with http.get(f"{url}/_emulator/report") as told:
            report = await told.json()
    assert report["numbers"][0]["status"] == "FLAGGED"
    assert report["numbers"][0]["sends"] == {"accepted": 1, "refused": 0, "failed": 0}
    finished = await command.stopped(signal.SIGINT)
    assert (finished.code, finished.err) == (0, "")


async def test_seed_and_mode_may_be_other_than_the_scenario_says(start: Start) -> None:
    command = await start(
        "emulate", "--port", "0", "--scenario", "outage", "--seed", "99", "--observe"
    )
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{await address(command)}/_emulator/report") as answer,
    ):
        report = await answer.json()
    assert (report["seed"], report["mode"]) == (99, "observe")


async def test_the_shipped_scenarios_are_listed(run: Run) -> None:
    done = await run("emulate", "--list")
    assert (done.code, done.err) == (0, "")
    listed = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert listed.keys() == {"lived", "outage", "red-week", "restricted-day"}
    assert all(listed.values())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--scenario", "blue-week"], "gateway: blue-week: no such scenario; there are lived,"),
        (["--scenario", "mine.toml"], "gateway: mine.toml: [knobs] drop_rate: Input should be"),
        (["--scenario", "outage", "--world", "x.json"], "gateway: --world and --scenario exclude"),
    ],
)
async def test_a_scenario_that_cannot_be_played_is_one_line(
    run: Run, tmp_path: Path, arguments: list[str], line: str
) -> None:
    (tmp_path / "mine.toml").write_text("[knobs]\ndrop_rate = 7\n")
    done = await run("emulate", "--port", "0", *arguments)
    assert (done.code, done.line.startswith(line)) == (1, True)


def test_a_world_without_a_plain_template_prints_no_curl_that_would_fail() -> None:
    assert "EAA" not in how_to(Scenario(), "http://127.0.0.1:8090")
