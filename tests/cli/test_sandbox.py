import asyncio
import json
import os
import signal
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.builders import template_body
from tests.cli.command import Command, Run, Start
from tests.world import HOST, until

FREE = ("--gateway-port", "0", "--admin-port", "0", "--emulator-port", "0")
READY = "Ctrl-C stops everything"
ANA, BEN = "+34600000001", "+34600000002"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Return a client."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder to be, beside pytest's own.

    Every other run of pytest shuts the parent of those to all but its user for a moment, and a
    PostgreSQL that root has started runs as another one.
    """
    with tempfile.TemporaryDirectory(prefix="gateway-sandbox-") as parent:
        yield Path(parent) / "state"


class Sandbox:
    """A sandbox that is running, and what its `sandbox.json` says."""

    def __init__(self, command: Command, folder: Path, http: aiohttp.ClientSession) -> None:
        self.command = command
        self.folder = folder
        self.told = json.loads((folder / "sandbox.json").read_text())
        self.number = self.told["numbers"][0]["phone_number_id"]
        self.postgres = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
        self._http = http

    async def send(self, to: str, template: str = "order_update") -> int:
        url = f"{self.told['gateway_url']}/v25.0/{self.number}/messages"
        headers = {"Authorization": f"Bearer {self.told['app']['key']}"}
        body = template_body(to, template)
        async with self._http.post(url, json=body, headers=headers) as answer:
            return answer.status

    async def admin(self, path: str, body: Any = None) -> Any:
        url = f"{self.told['admin_url']}/admin/v1{path}"
        headers = {"Authorization": f"Bearer {self.told['admin_key']}"}
        method = "GET" if body is None else "POST"
        async with self._http.request(method, url, json=body, headers=headers) as answer:
            return await answer.json()

    async def counted(self) -> int:
        count: int = (await self.admin(f"/pools/{self.number}"))["counted"]
        return count

    async def postgres_has_ended(self) -> bool:
        try:
            os.kill(self.postgres, 0)
        except ProcessLookupError:
            return True
        return False


async def run_sandbox(
    start: Start, http: aiohttp.ClientSession, folder: Path, *options: str, **settings: str
) -> Sandbox:
    command = await start("sandbox", *FREE, "--state-dir", str(folder), *options, **settings)
    await command.says(READY)
    return Sandbox(command, folder, http)


async def test_a_sandbox_works_at_once_stops_whole_and_remembers(
    start: Start, http: aiohttp.ClientSession, folder: Path
) -> None:
    # What the environment says of a real gateway must not reach a sandbox.
    outer = {"poll_s": "nonsense", "shadow_rules": '["template"]', "port": "1"}
    first = await run_sandbox(start, http, folder, **outer)
    assert (await first.send(ANA), await first.send(BEN, "winter_offer")) == (200, 400)
    assert first.told["app"]["key"] in first.command.out
    assert stat.S_IMODE((folder / "keys.json").stat().st_mode) == 0o600
    await first.admin("/sandbox/clock", {"advance_s": 3600})
    done = await first.command.stopped(signal.SIGINT)
    assert (done.code, done.err) == (0, "")
    assert await first.postgres_has_ended()
    second = await run_sandbox(start, http, folder)
    assert {**first.told, "gateway_url": "", "admin_url": "", "emulator_url": ""} == {
        **second.told,
        "gateway_url": "",
        "admin_url": "",
        "emulator_url": "",
    }
    assert await second.counted() == 1
    done = await second.command.stopped(signal.SIGTERM)
    assert (done.code, done.err) == (0, "")
    assert await second.postgres_has_ended()


async def test_after_a_kill_the_next_start_works_and_nothing_is_lost(
    start: Start, http: aiohttp.ClientSession, run: Run, folder: Path
) -> None:
    killed = await run_sandbox(start, http, folder)
    again = await run("sandbox", *FREE, "--state-dir", str(folder))
    assert again.code == 1
    assert again.line == f"gateway: {folder} is in use by process {killed.command.pid}"
    assert await killed.send(ANA) == 200
    await killed.command.stopped(signal.SIGKILL)
    next_one = await run_sandbox(start, http, folder)
    assert next_one.told["app"] == killed.told["app"]
    assert await next_one.counted() == 1
    assert await next_one.send(BEN) == 200
    await until(killed.postgres_has_ended, "the end of the old PostgreSQL")
    await next_one.command.stopped()
    assert await next_one.postgres_has_ended()


async def test_a_port_that_is_taken_is_one_line_that_names_it(run: Run, folder: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        for at in (1, 3, 5):
            ports = [*FREE[:at], port, *FREE[at + 1 :]]
            done = await run("sandbox", *ports, "--state-dir", str(folder))
            assert (done.code, port in done.line) == (1, True), done
            assert not (folder / "sandbox.json").exists()
            assert not (folder / "postgres" / "postmaster.pid").exists()


async def test_a_broken_folder_is_one_line_and_fresh_starts_anew(
    start: Start, http: aiohttp.ClientSession, run: Run, folder: Path
) -> None:
    before = await run_sandbox(start, http, folder)
    assert await before.send(ANA) == 200
    await before.command.stopped()
    breaks = {
        "keys.json": "no keys",
        "postgres/PG_VERSION": "7\n",
        "postgres/global/pg_control": "broken",
    }
    for name, content in breaks.items():
        path = folder / name
        kept = await asyncio.to_thread(path.read_bytes)
        await asyncio.to_thread(path.write_text, content)
        done = await run("sandbox", *FREE, "--state-dir", str(folder))
        assert (done.code, done.line.startswith("gateway: ")) == (1, True), name
        if name == "keys.json":
            assert "--fresh" in done.line
        await asyncio.to_thread(path.write_bytes, kept if name == "keys.json" else b"broken")
    fresh = await run_sandbox(start, http, folder, "--fresh")
    assert fresh.told["app"]["key"] != before.told["app"]["key"]
    assert await fresh.counted() == 0
    await fresh.command.stopped()


async def test_a_folder_that_cannot_be_made_is_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = await run("sandbox", *FREE, "--state-dir", str(tmp_path / "file" / "state"))
    assert done.code == 1
    assert done.line.endswith("Not a directory")
