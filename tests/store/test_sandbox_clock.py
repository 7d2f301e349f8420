import pytest

from gateway.clock import SandboxClock
from gateway.store import sandbox_clock
from gateway.store.database import Database


async def test_a_clock_that_was_moved_is_found_moved_after_a_restart(database: Database) -> None:
    await sandbox_clock.advance(database, SandboxClock(), 3600)
    restarted = SandboxClock()
    await sandbox_clock.advance(database, restarted)
    assert restarted.offset_s == pytest.approx(3600)


async def test_moves_add_up_whoever_makes_them(database: Database) -> None:
    one, other = SandboxClock(), SandboxClock()
    await sandbox_clock.advance(database, one, 60)
    await sandbox_clock.advance(database, other, 30)
    assert other.offset_s == pytest.approx(90)
    assert one.offset_s == pytest.approx(60)
    await sandbox_clock.advance(database, one)
    assert one.offset_s == pytest.approx(90)


async def test_a_process_that_is_ahead_takes_the_others_along(database: Database) -> None:
    ahead, behind = SandboxClock(500.0), SandboxClock()
    await sandbox_clock.advance(database, ahead)
    await sandbox_clock.advance(database, behind)
    assert behind.offset_s == pytest.approx(500)


async def test_following_somebody_who_is_not_ahead_wakes_nobody(database: Database) -> None:
    clock, woken = SandboxClock(), []
    clock.on_advance(lambda: woken.append(1))
    await sandbox_clock.advance(database, clock)
    assert woken == []
    await sandbox_clock.advance(database, clock, 5)
    assert woken == [1]
