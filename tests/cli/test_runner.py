import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import uvloop

from gateway.cli.runner import fail, run, settings_or_fail, until_stopped
from tests.cli.command import Run

COMMANDS = ("serve", "sandbox", "migrate", "emulate", "check", "rules")
STUBBORN = """
import asyncio
from gateway.cli.runner import run, until_stopped

async def ready():
    print("ready", flush=True)

async def stubborn():
    await until_stopped(ready)
    print("stopping", flush=True)
    await asyncio.sleep(3600)

run(stubborn())
"""


async def test_the_program_and_every_command_explain_themselves(run: Run) -> None:
    whole = await run("--help")
    assert whole.code == 0
    assert [name for name in COMMANDS if name not in whole.out] == []
    nothing = await run()
    assert "Usage" in nothing.out + nothing.err
    wrong = await run("srve")
    assert (wrong.code, "srve" in wrong.err) == (2, True)


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_command_explains_itself_and_its_options(run: Run, name: str) -> None:
    done = await run(name, "--help")
    assert (done.code, done.err) == (0, "")
    assert f"Usage: gateway {name}" in done.out or f"gateway {name}" in done.out
    assert len(done.out.splitlines()) > 5


def test_a_failure_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        fail("[nothing] is marked up: /a/very/long" + "/path" * 100)
    assert ended.value.exit_code == 1
    err = capsys.readouterr().err
    assert err == "gateway: [nothing] is marked up: /a/very/long" + "/path" * 100 + "\n"


def test_wrong_settings_are_named_without_their_values(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY_APP_SECRETS", '["made-up", "made-up", "made-up"]')
    with pytest.raises(typer.Exit) as ended:
        settings_or_fail(port=-1)
    assert ended.value.exit_code == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["GATEWAY_PORT", "GATEWAY_APP_SECRETS"]
    assert "made-up" not in "".join(lines)


def test_right_settings_are_returned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings_or_fail(port=1).port == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_waiting_and_the_loop_is_uvloop(number: signal.Signals) -> None:
    seen: list[str] = []

    async def ready() -> None:
        seen.append("ready")
        os.kill(os.getpid(), number)

    async def work() -> None:
        await until_stopped(ready)
        seen.append(type(asyncio.get_running_loop()).__module__)

    run(work())
    assert seen == ["ready", uvloop.__name__]


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_a_process_that_takes_its_time(
    first: signal.Signals, second: signal.Signals
) -> None:
    command = (sys.executable, "-c", STUBBORN)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(first)
        assert process.stdout.readline() == b"stopping\n"
        process.send_signal(second)
        assert process.wait(timeout=20) != 0
