from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

import pytest

from gateway.clock import SandboxClock, SystemClock, http_date


def test_the_machines_clock_is_aware_and_in_utc() -> None:
    before, after = SystemClock().now(), SystemClock().now()
    assert before.tzinfo is UTC
    assert before <= after


def test_a_sandbox_clock_is_moved_ahead_and_runs_on() -> None:
    clock = SandboxClock()
    start = clock.now()
    clock.advance(7 * 86_400)
    moved = clock.now() - start
    assert timedelta(days=7) <= moved < timedelta(days=7, seconds=60)
    assert clock.offset_s == 7 * 86_400


def test_moves_add_up_on_what_the_clock_began_with() -> None:
    clock = SandboxClock(offset_s=10)
    clock.advance(0.5)
    clock.advance(2)
    assert clock.offset_s == 12.5


def test_a_clock_does_not_go_back_and_nobody_hears_of_the_attempt() -> None:
    clock = SandboxClock()
    heard: list[float] = []
    clock.on_advance(lambda: heard.append(clock.offset_s))
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)
    assert (clock.offset_s, heard) == (0, [])


def test_every_listener_hears_of_a_move_after_it_was_made() -> None:
    clock = SandboxClock()
    heard: list[tuple[str, float]] = []
    clock.on_advance(lambda: heard.append(("first", clock.offset_s)))
    clock.on_advance(lambda: heard.append(("second", clock.offset_s)))
    clock.advance(5)
    assert heard == [("first", 5), ("second", 5)]


def test_the_hour_as_http_writes_it_is_the_machines_to_a_second() -> None:
    before, told, after = SystemClock().now(), http_date(), SystemClock().now()
    assert told.endswith(" GMT")
    assert before.replace(microsecond=0) <= parsedate_to_datetime(told) <= after
