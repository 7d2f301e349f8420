from datetime import UTC, datetime

from gateway.emulator import Emulator, Knobs
from gateway.emulator.clock import EmulatorClock
from gateway.emulator.steering.scenario import Scenario
from tests.emulator.conftest import FIRST, LONE, Start, StillClock, template, world


def test_an_emulator_brings_its_own_clock() -> None:
    assert isinstance(Emulator(world()).clock, EmulatorClock)


async def test_the_same_seed_and_clock_give_the_same_ids(start: Start) -> None:
    one, other = await start(), await start()
    first = await one.send(template())
    assert first == await other.send(template())
    assert (await one.send(template()))["messages"] != first["messages"]


def test_knobs_are_not_shared_between_emulators() -> None:
    one, other = Emulator(world()), Emulator(world())
    one.state.knobs.read = True
    assert other.state.knobs == Knobs()


def test_an_emulator_that_plays_a_scenario_takes_everything_from_it() -> None:
    start = datetime(2026, 12, 1, 9, tzinfo=UTC)
    knobs = Knobs(read=True)
    scenario = Scenario(world=world(), mode="observe", seed=7, knobs=knobs, start=start, speed=0.0)
    emulator = Emulator.playing(scenario, keep_sends=3)
    state = emulator.state
    assert (state.mode, state.seed, state.knobs, state.journal.keep) == ("observe", 7, knobs, 3)
    assert emulator.clock.now() == start
    assert state.knobs is not knobs


async def test_tick_does_what_became_due_when_the_owner_moved_the_clock() -> None:
    clock = StillClock()
    emulator = Emulator(world(), clock=clock)
    number = emulator.state.registry.numbers[LONE]
    emulator.state.schedule.at(
        clock.now().timestamp() + 10, lambda _: setattr(number, "status", "X")
    )
    clock.advance(9)
    await emulator.tick()
    assert number.status == "CONNECTED"
    clock.advance(1)
    await emulator.tick()
    assert number.status == "X"


async def test_the_logs_are_bounded() -> None:
    emulator = Emulator(world(), keep_sends=2)
    assert emulator.state.journal.sends.maxlen == 2
    assert FIRST in emulator.state.registry.numbers
