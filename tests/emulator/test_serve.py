import asyncio
import sys
from pathlib import Path

import aiohttp

from gateway.emulator import Emulator, running, serve
from tests.emulator.conftest import FIRST, TOKEN, template, world

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


async def test_it_listens_while_the_context_lasts() -> None:
    async with (
        running(Emulator(world()), "127.0.0.1", 0) as url,
        aiohttp.ClientSession(headers=HEADERS) as session,
        session.post(f"{url}/v25.0/{FIRST}/messages", json=template()) as answer,
    ):
        assert answer.status == 200


async def test_it_serves_until_it_is_cancelled() -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(Emulator(world()), host="127.0.0.1", port=0, on_ready=ready.set_result)
    )
    async with asyncio.timeout(5):
        url = await ready
        async with aiohttp.ClientSession() as session:
            assert (await session.get(f"{url}/_emulator/state")).status == 200
    serving.cancel()
    assert isinstance((await asyncio.gather(serving, return_exceptions=True))[0], BaseException)


async def test_it_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    path.write_text(world().model_dump_json())
    command = [sys.executable, "-m", "gateway.emulator", "--world", str(path), "--port", "0"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(20):
        line = (await process.stdout.readline()).decode()
        url = line.split()[-1]
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            assert (await session.get(f"{url}/{FIRST}")).status == 200
        process.terminate()
        assert await process.wait() == 0
