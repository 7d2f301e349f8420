"""Parks messages through a gateway until an hour soon to come, and times how they leave then."""

import json
import math
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from benchmarks.harness import Figures, Load
from benchmarks.sockets import measure
from gateway.clock import SystemClock

MARGIN_S: Final = 3.0
"""Between the end of parking and the hour at which what was parked is due."""
LOOK_S: Final = 0.1
PATIENCE_S: Final = 120.0


class Seen(NamedTuple):
    """What has come upstream: messages, and the seconds from the first to the last."""

    messages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Upstream:
    """The sink, asked what has come to it."""

    url: str

    def begin_anew(self) -> None:
        """Have it forget what has come."""
        self._ask("DELETE")

    def seen(self) -> Seen:
        """Return what has come."""
        return self._ask("GET")

    def _ask(self, method: str) -> Seen:
        request = urllib.request.Request(self.url, method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            return Seen(**json.load(answer))


class Round(NamedTuple):
    """How fast messages were parked, and how many a second were released."""

    parked: Figures
    released_per_second: float


def park_and_release(
    load: Load,
    upstream: Upstream,
    connections: int,
    seconds: float,
    before_due: Callable[[datetime], None] = lambda _due_at: None,
) -> Round:
    """Park for so many seconds, and wait until everything has left.

    `before_due` is called with their hour when all are parked and none is due. RuntimeError when
    they do not leave.
    """
    wait_for(upstream, 0)  # wrk leaves in the middle of what was measured before
    upstream.begin_anew()
    due_at = SystemClock().now() + timedelta(seconds=seconds + MARGIN_S)
    parked = measure(_parking(load, due_at), connections, seconds)
    if parked.failed or upstream.seen().messages:
        raise RuntimeError(f"{parked.failed} were not parked, or something left at once")
    before_due(due_at)
    if SystemClock().now() >= due_at:
        raise RuntimeError("the hour has come before everything was ready for it")
    count = round(parked.per_second * seconds)
    seen = wait_for(upstream, count)
    return Round(parked, seen.messages / seen.seconds)


def _parking(load: Load, due_at: datetime) -> Load:
    wishes = {"Prefer": "respond-async", "Gateway-Send-At": due_at.isoformat()}
    return replace(load, headers={**load.headers, **wishes})


def wait_for(upstream: Upstream, count: int) -> Seen:
    """Wait until so many have left and, since wrk does not tell of its last, nothing more leaves.

    RuntimeError when that takes minutes.
    """
    give_up_at, before = time.monotonic() + PATIENCE_S, Seen(-1, math.nan)
    while time.monotonic() < give_up_at:
        seen = upstream.seen()
        if seen.messages >= count and seen == before:
            return seen
        before = seen
        time.sleep(LOOK_S)
    raise RuntimeError(f"{before.messages} of {count} parked messages have left")
