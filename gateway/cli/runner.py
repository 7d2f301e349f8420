"""Runs a coroutine until it ends or somebody asks the process to stop; errors become one line."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, NoReturn

import typer
import uvloop
from pydantic import ValidationError
from rich.console import Console

from gateway.config import Settings, load

STOPPING: Final = (signal.SIGINT, signal.SIGTERM)
errors = Console(stderr=True, highlight=False, markup=False)


def fail(message: str) -> NoReturn:
    """End the process with one line on standard error and exit code 1."""
    errors.print(f"gateway: {message}", soft_wrap=True)
    raise typer.Exit(1)


def settings_or_fail(**overrides: Any) -> Settings:
    """Read the settings; each wrong one is named on a line of its own."""
    try:
        return load(**overrides)
    except ValidationError as error:
        for wrong in error.errors(include_url=False, include_input=False):
            name = "_".join(str(step) for step in wrong["loc"][:1]).upper()
            errors.print(f"gateway: GATEWAY_{name}: {wrong['msg']}", soft_wrap=True)
        raise typer.Exit(1) from None


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run to the end on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(coroutine)


async def until_stopped(on_ready: Callable[[], Awaitable[None]] | None = None) -> None:
    """Wait for SIGINT or SIGTERM. A second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        stop.set()
        for number in STOPPING:
            loop.remove_signal_handler(number)  # the next one is not caught

    for number in STOPPING:
        loop.add_signal_handler(number, ask)
    if on_ready is not None:
        await on_ready()
    with contextlib.suppress(asyncio.CancelledError):
        await stop.wait()
