"""Starts what is measured, loads it, and reads the figures."""

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 20.0
MILLISECONDS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of traffic; the recipient differs in every request."""

    url: str
    paths: Sequence[str]
    headers: Mapping[str, str]
    body: str
    """With %s wherever the recipient's digits go."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one round gave: requests a second, latencies in milliseconds, answers not 2xx."""

    per_second: float
    median_ms: float
    p99_ms: float
    failed: int


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def process(
    arguments: Sequence[str], port: int, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Run `python -m …` until the block ends, from when it listens on `port`; gives its id."""
    child = subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, "-m", *arguments], env={**os.environ, **(environment or {})}
    )
    try:
        _wait_for(port, child)
        yield child.pid
    finally:
        child.terminate()
        child.wait(PATIENCE_S)


def _wait_for(port: int, child: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while child.poll() is None and time.monotonic() < give_up_at:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


def measure(load: Load, connections: int, seconds: float) -> Figures:
    """Load with wrk where it is installed, else with the generator of our own."""
    wrk = shutil.which("wrk")
    if wrk is None:
        from benchmarks.generator import generate  # noqa: PLC0415 - only where wrk is missing

        return generate(load, connections, seconds)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        script.write_text(_lua(load))
        command = [
            wrk,
            "--threads=1",
            f"--connections={connections}",
            f"--duration={max(round(seconds), 1)}s",
            "--timeout=10s",
            "--latency",
            f"--script={script}",
            load.url,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return read_wrk(done.stdout)


def _lua(load: Load) -> str:
    """Write the script: a recipient of its own in each request, the paths in turn."""
    paths = ", ".join(f'"{path}"' for path in load.paths)
    headers = "\n".join(
        f'wrk.headers["{name}"] = "{value}"' for name, value in load.headers.items()
    )
    start = time.time_ns() // 1_000_000 % 10**7
    return f"""
wrk.method = "POST"
{headers}
local paths = {{{paths}}}
local count = 0
function request()
  count = count + 1
  local user = string.format("346%07d%05d", {start}, count % 100000)
  local body = string.gsub([[{load.body}]], "%%s", user)
  return wrk.format(nil, paths[count % #paths + 1], nil, body)
end
"""


def read_wrk(report: str) -> Figures:
    """Read wrk's report."""
    per_second = re.search(r"Requests/sec:\s+([\d.]+)", report)
    quantiles = dict(re.findall(r"^\s+(50|99)%\s+([\d.]+(?:us|ms|s))$", report, re.MULTILINE))
    if per_second is None or len(quantiles) != 2:  # noqa: PLR2004 - median and 99th
        raise RuntimeError(f"wrk said something else:\n{report}")
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    errors = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", report
    )
    return Figures(
        float(per_second[1]),
        _milliseconds(quantiles["50"]),
        _milliseconds(quantiles["99"]),
        (int(failed[1]) if failed else 0) + (sum(map(int, errors.groups())) if errors else 0),
    )


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * MILLISECONDS[unit]


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


Pair = tuple[Figures, Figures]


def interleaved(
    sides: tuple[Load, Load], connections: int, rounds: int, seconds: float
) -> list[Pair]:
    """Measure two sides in turn; ends the program when either did not answer with 2xx."""
    pairs = []
    for _ in range(rounds):
        pair = (
            measure(sides[0], connections, seconds),
            measure(sides[1], connections, seconds),
        )
        for figures in pair:
            if figures.failed:
                sys.exit(f"{figures.failed} requests were not answered with 2xx: no comparison")
        pairs.append(pair)
    return pairs


def print_sides(names: tuple[str, str], pairs: Sequence[Pair]) -> str:
    """Print the medians of both sides; return the second's rate over the first's, in words."""
    print(f"{'':12}{'requests/s':>12}{'median ms':>12}{'p99 ms':>10}")
    for side, name in enumerate(names):
        figures = [pair[side] for pair in pairs]
        print(
            f"{name:12}{median([f.per_second for f in figures]):12.0f}"
            f"{median([f.median_ms for f in figures]):12.2f}"
            f"{median([f.p99_ms for f in figures]):10.2f}"
        )
    ratios = [second.per_second / first.per_second for first, second in pairs]
    shown = " ".join(f"{ratio:.2f}" for ratio in ratios)
    return f"{median(ratios):.2f} (rounds {shown})"
