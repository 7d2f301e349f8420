from datetime import UTC

import pytest

from gateway.emulator.clock import EmulatorClock, iso, iso_or_none


def test_advance_moves_the_clock_at_least_that_far() -> None:
    clock = EmulatorClock()
    before = clock.now()
    clock.advance(3600)
    assert (clock.now() - before).total_seconds() >= 3600
    assert clock.now().tzinfo is UTC


def test_the_clock_cannot_be_turned_back() -> None:
    with pytest.raises(ValueError, match="turned back"):
        EmulatorClock().advance(-1)


def test_instants_are_written_in_utc() -> None:
    assert iso(0.0) == "1970-01-01T00:00:00+00:00"
    assert iso_or_none(None) is None
    assert iso_or_none(0.0) == iso(0.0)
