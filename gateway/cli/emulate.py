"""`gateway emulate`: runs the Cloud API emulator alone, without gateway or database."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from gateway.cli.demo import DemoKeys, demo_world
from gateway.cli.runner import fail, run, until_stopped
from gateway.emulator import Emulator, World, running


def emulate(
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8090,
    host: str = "127.0.0.1",
    world: Annotated[
        Path | None, typer.Option(help="JSON file of the world; the demo world if left out.")
    ] = None,
    *,
    observe: Annotated[
        bool, typer.Option(help="Accept everything and only record violations.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of everything that is left to chance.")] = 0,
) -> None:
    """Run a local WhatsApp Cloud API that knows Meta's rules; steer it under /_emulator/."""
    try:
        described = World.model_validate_json(world.read_bytes()) if world else None
    except (OSError, ValidationError) as error:
        fail(f"{world}: {str(error).splitlines()[0]}")
    chosen = described or World.model_validate(demo_world(DemoKeys.fixed(), webhook_url=None))
    emulator = Emulator(chosen, mode="observe" if observe else "enforce", seed=seed)
    try:
        run(_emulate(emulator, host, port))
    except OSError as error:
        fail(f"cannot listen on {host}:{port}: {error.strerror or error}")


async def _emulate(emulator: Emulator, host: str, port: int) -> None:
    async with running(emulator, host, port) as url:
        typer.echo(f"Cloud API emulator on {url}; its state: {url}/_emulator/state")
        await until_stopped()
