"""Runs the benchmarks, or the ones named: `python -m benchmarks proxy_overhead`."""

import argparse
import importlib
from typing import Final

QUESTIONS: Final = (
    "proxy_overhead",
    "emulator_speed",
    "pacing_cost",
    "waits_under_overload",
    "preflight_speed",
    "outbox_rates",
    "outbox_backlog",
)


def main() -> None:
    """Run each benchmark and let it print its report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", default=QUESTIONS, metavar="name")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each side, interleaved")
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds a round lasts")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in QUESTIONS:
            parser.error(f"there is no benchmark {name}; there are {', '.join(QUESTIONS)}")
        importlib.import_module(f"benchmarks.{name}").run(arguments.rounds, arguments.seconds)


main()
