"""Runs `python -m gateway` as a person does, in a process of its own."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

PATIENCE_S = 60.0
ROOT = str(Path(__file__).resolve().parent.parent.parent)


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The only line on standard error."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self
        return lines[0]


class Command:
    """A running command; `out` grows as it writes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.out = ""
        self._err = asyncio.create_task(self._read_err())

    @classmethod
    async def start(cls, *arguments: str, folder: Path, **settings: str) -> Self:
        """Start a command in a folder; `settings` become GATEWAY_* variables, and no others are."""
        outer = {name: v for name, v in os.environ.items() if not name.startswith("GATEWAY_")}
        given = {f"GATEWAY_{name.upper()}": value for name, value in settings.items()}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway",
            *arguments,
            cwd=folder,
            env=outer | given | {"PYTHONPATH": ROOT, "COLUMNS": "200", "NO_COLOR": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def says(self, text: str) -> str:
        """Wait until a line with `text` is on standard output, and return that line."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            async for raw in self._process.stdout:
                line = raw.decode()
                self.out += line
                if text in line:
                    return line
        raise AssertionError(f"it ended without saying {text!r}: {await self.finished()}")

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def finished(self) -> Finished:
        """Wait for its end."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            self.out += (await self._process.stdout.read()).decode()
            return Finished(await self._process.wait(), self.out, await self._err)

    async def stopped(self, number: signal.Signals = signal.SIGTERM) -> Finished:
        """Send a signal and wait for the end."""
        self.tell(number)
        return await self.finished()

    async def _read_err(self) -> str:
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()


Start = Callable[..., Awaitable[Command]]
Run = Callable[..., Awaitable[Finished]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Return a starter of commands in an empty folder; what still runs is killed in the end."""
    async with AsyncExitStack() as stack:

        async def starting(*arguments: str, folder: Path = tmp_path, **settings: str) -> Command:
            command = await Command.start(*arguments, folder=folder, **settings)
            stack.push_async_callback(command.stopped, signal.SIGKILL)
            return command

        yield starting


@pytest.fixture
def run(start: Start) -> Run:
    """Return a runner of commands that end by themselves."""

    async def running(*arguments: str, **settings: str) -> Finished:
        return await (await start(*arguments, **settings)).finished()

    return running
