"""Starts an emulator in a process of its own: `python -m gateway.emulator --world world.json`."""

import argparse
import asyncio
import signal
import sys
import tomllib
from pathlib import Path
from typing import Any

import orjson

from gateway.emulator.emulator import Emulator
from gateway.emulator.knobs import Knobs
from gateway.emulator.serve import serve
from gateway.emulator.world import World


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway.emulator", description=__doc__)
    parser.add_argument("--world", required=True, type=Path, help="JSON or TOML file of the world")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default=8090, type=int, help="0 takes a free one")
    parser.add_argument("--mode", default="enforce", choices=["enforce", "observe"])
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--keep-sends", default=200_000, type=int)
    parser.add_argument("--knobs", default="{}", help="JSON object of knobs")
    return parser.parse_args()


def _world(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    data: dict[str, Any] = tomllib.loads(text) if path.suffix == ".toml" else orjson.loads(text)
    return data


def _announce(url: str) -> None:
    sys.stdout.write(f"emulator listening on {url}\n")
    sys.stdout.flush()


async def _run(arguments: argparse.Namespace) -> None:
    emulator = Emulator(
        World.model_validate(_world(arguments.world)),
        mode=arguments.mode,
        seed=arguments.seed,
        knobs=Knobs.model_validate_json(arguments.knobs),
        keep_sends=arguments.keep_sends,
    )
    serving = asyncio.create_task(
        serve(emulator, host=arguments.host, port=arguments.port, on_ready=_announce)
    )
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, serving.cancel)
    await asyncio.gather(serving, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(_run(_arguments()))
