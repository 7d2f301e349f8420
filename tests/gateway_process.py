"""Runs `gateway serve` as a process of its own, which a test may kill."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final, Self

import aiohttp
import pytest

from tests.failing_gateway import VARIABLE, Failpoint
from tests.world import Options, World, running_world, until

START_S: Final = 20.0
STOP_S: Final = 20.0


class GatewayProcess:
    """One gateway process on ports of its own; `log` is what it has written to standard error."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.log: list[str] = []
        self.data_url = ""
        self.admin_url = ""
        self._listening = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, world: World, fails_at: Failpoint | None = None, **settings: Any) -> Self:
        """Start a gateway in a world; returns once `/readyz` says yes.

        At `fails_at` it kills itself. `settings` beat those of the world. Raises AssertionError
        when it ends before.
        """
        chosen = world.settings(log_level="INFO", port=0, admin_port=0) | settings
        outer = {
            name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")
        }
        inner = {f"GATEWAY_{name.upper()}": _text(value) for name, value in chosen.items()}
        if fails_at is not None:
            inner[VARIABLE] = str(fails_at)
        started = cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway" if fails_at is None else "tests.failing_gateway",
                "serve",
                env=outer | inner,
                stdin=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                # A Ctrl-C in the terminal is for the tests, which end it in good order.
                start_new_session=True,
            )
        )
        try:
            await started._ready(world.http)
        except BaseException:
            await started.kill()
            raise
        return started

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.returncode is None

    async def ended(self) -> int:
        """Wait until it has ended by itself; returns the exit code, negative for a signal."""
        async with asyncio.timeout(STOP_S):
            code = await self._process.wait()
            await self._reader
        return code

    async def kill(self) -> None:
        """End it as a crash would: SIGKILL."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> int:
        """End it in good order: SIGTERM; returns the exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        return await self.ended()

    async def _ready(self, http: aiohttp.ClientSession) -> None:
        listening = asyncio.create_task(self._listening.wait())
        async with asyncio.timeout(START_S):
            await asyncio.wait((listening, self._reader), return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        assert self.data_url, "\n".join(["the gateway did not start", *self.log])

        async def ready() -> bool:
            async with http.get(f"{self.admin_url}/readyz") as answer:
                return answer.status == 200

        await until(ready, "/readyz", START_S)

    async def _read(self) -> None:
        if self._process.stderr is None:
            raise AssertionError("standard error is a pipe")
        async for raw in self._process.stderr:
            line = raw.decode(errors="replace").rstrip()
            self.log.append(line)
            if not self.data_url and '"listening"' in line:
                said = json.loads(line)
                self.data_url, self.admin_url = said["data"], said["admin"]
                self._listening.set()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


StartProcess = Callable[..., Awaitable[GatewayProcess]]
"""Takes a world, where to fail and settings by name; the process ends with the test."""


@pytest.fixture
async def start_process() -> AsyncIterator[StartProcess]:
    """Return a starter of gateway processes."""
    async with AsyncExitStack() as stack:

        async def start(
            world: World, fails_at: Failpoint | None = None, **settings: Any
        ) -> GatewayProcess:
            process = await GatewayProcess.start(world, fails_at, **settings)
            stack.push_async_callback(process.kill)
            return process

        yield start


@pytest.fixture
async def bare_world(database_url: str) -> AsyncIterator[World]:
    """Return a world without a gateway, for tests that start processes."""
    async with running_world(database_url, Options(gateway=False)) as world:
        yield world
