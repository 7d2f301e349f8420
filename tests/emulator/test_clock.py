from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.emulator.clock import EmulatorClock, iso, iso_or_none


def test_advance_moves_the_clock_at_least_that_far() -> None:
    clock = EmulatorClock()
    before = clock.now()
    clock.advance(3600)
    assert (clock.now() - before).total_seconds() >= 3600
    assert clock.now().tzinfo is UTC


def test_a_clock_may_begin_elsewhere_and_stand_still() -> None:
    clock = EmulatorClock(datetime(2026, 11, 2, 10, tzinfo=timezone(timedelta(hours=1))), speed=0)
    assert clock.now() == datetime(2026, 11, 2, 9, tzinfo=UTC)
    assert clock.now().tzinfo is UTC
    clock.advance(60)
    assert clock.now() == datetime(2026, 11, 2, 9, 1, tzinfo=UTC)


def test_a_hurried_clock_runs_ahead_of_the_real_one() -> None:
    real, hurried = EmulatorClock(), EmulatorClock(speed=1e9)
    assert (hurried.now() - real.now()).total_seconds() > 60


def test_only_a_new_beginning_turns_the_clock_back() -> None:
    start = datetime(2026, 11, 2, 9, tzinfo=UTC)
    clock = EmulatorClock(start, speed=0)
    clock.advance(60)
    clock.begin(start, speed=0)
    assert clock.now() == start


def test_the_clock_cannot_be_turned_back() -> None:
    with pytest.raises(ValueError, match="turned back"):
        EmulatorClock().advance(-1)


def test_instants_are_written_in_utc() -> None:
    assert iso(0.0) == "1970-01-01T00:00:00+00:00"
    assert iso_or_none(None) is None
    assert iso_or_none(0.0) == iso(0.0)
