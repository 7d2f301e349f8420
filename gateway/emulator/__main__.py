"""Starts an emulator in a process of its own: `python -m gateway.emulator --world world.json`."""

import argparse
import asyncio
import gc
import signal
import sys
from pathlib import Path

import uvloop

from gateway.emulator.emulator import KEEP_SENDS, Emulator
from gateway.emulator.knobs import Knobs
from gateway.emulator.serve import serve
from gateway.emulator.steering import scenario as scenarios
from gateway.emulator.steering.scenario import BadScenario, Scenario


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway.emulator", description=__doc__)
    played = parser.add_mutually_exclusive_group(required=True)
    played.add_argument("--world", type=Path, help="JSON or TOML file of the world")
    played.add_argument("--scenario", help="a shipped scenario's name, or a TOML file")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default=8090, type=int, help="0 takes a free one")
    parser.add_argument("--mode", choices=["enforce", "observe"])
    parser.add_argument("--seed", type=int)
    parser.add_argument("--speed", type=float, help="seconds of its clock a second; 0 stands still")
    parser.add_argument("--keep-sends", default=KEEP_SENDS, type=int)
    parser.add_argument("--knobs", help="JSON object of knobs")
    return parser.parse_args()


def _scenario(arguments: argparse.Namespace) -> Scenario:
    if arguments.scenario is not None:
        played = scenarios.named(arguments.scenario)
    else:
        played = Scenario(world=scenarios.read_world(arguments.world))
    if arguments.knobs is not None:
        played = played.model_copy(update={"knobs": Knobs.model_validate_json(arguments.knobs)})
    return scenarios.changed(
        played, mode=arguments.mode, seed=arguments.seed, speed=arguments.speed
    )


def _announce(url: str) -> None:
    sys.stdout.write(f"emulator listening on {url}\n")
    sys.stdout.flush()


async def _run(arguments: argparse.Namespace, played: Scenario) -> None:
    emulator = Emulator.playing(played, keep_sends=arguments.keep_sends)
    serving = asyncio.create_task(
        serve(emulator, host=arguments.host, port=arguments.port, on_ready=_announce)
    )
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, serving.cancel)
    await asyncio.gather(serving, return_exceptions=True)


def _main() -> None:
    arguments = _arguments()
    try:
        played = _scenario(arguments)
    except BadScenario as error:
        sys.exit(f"emulator: {error}")
    # What is written down stays, in hundreds of thousands; looking through all of it again and
    # again would hold up every answer for a tenth of a second.
    gc.set_threshold(50_000, 20, 100)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(arguments, played))


if __name__ == "__main__":
    _main()
