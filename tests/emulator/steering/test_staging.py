from datetime import UTC, datetime, timedelta

from gateway.emulator import Emulator
from gateway.emulator.clock import EmulatorClock
from gateway.emulator.steering import scenario as scenarios
from gateway.emulator.steering import staging
from gateway.emulator.steering.scenario import Scenario
from tests.emulator.conftest import (
    ANA,
    FIRST,
    Cloud,
    Receiver,
    Start,
    StillClock,
    flushed,
    template,
    world,
)

LATER = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def story(text: str) -> Scenario:
    return scenarios.parse(text, "story.toml").model_copy(update={"world": world()})


def with_number(text: str) -> Scenario:
    told = scenarios.Scenario.model_validate({"world": world()})
    events = [scenarios.Event.model_validate(each) for each in [{"at": text, "number": CHANGE}]]
    return told.model_copy(update={"events": events})


CHANGE = {"phone_number_id": FIRST, "quality_rating": "RED"}


def test_an_event_happens_at_its_own_hour_however_late_anybody_looks() -> None:
    clock = StillClock()
    emulator = Emulator.playing(with_number("2d"), clock=clock)
    clock.advance(5 * 86_400)
    emulator.state.now()
    (change,) = emulator.state.history.of(FIRST, "quality_rating")
    assert change.new == "RED"
    assert change.at == emulator.state.started_at + 2 * 86_400


def test_what_an_event_sets_off_counts_from_its_hour() -> None:
    """RED on day 2 flags for 7 days, so day 8 has not ended it and day 10 has (R§4.3)."""
    scenario = scenarios.shipped("red-week")
    kept = [each for each in scenario.events if each.at <= 2 * 86_400]
    clock = StillClock()
    emulator = Emulator.playing(scenario.model_copy(update={"events": kept}), clock=clock)
    (number,) = emulator.state.registry.numbers.values()
    clock.advance(8 * 86_400)
    emulator.state.now()
    assert number.status == "FLAGGED"
    clock.advance(2 * 86_400)
    emulator.state.now()
    assert (number.status, number.own_limit) == ("CONNECTED", 250)


def test_the_red_week_flags_pauses_and_recovers() -> None:
    clock = StillClock()
    emulator = Emulator.playing(scenarios.shipped("red-week"), clock=clock)
    clock.advance(7 * 86_400)
    state = emulator.state
    state.now()
    (number,) = state.registry.numbers
    ratings = [each.new for each in state.history.of(number, "quality_rating")]
    statuses = [each.new for each in state.history.of(number, "status")]
    offer = [each.new for each in state.history.of("600000000000002", "template_status")]
    assert ratings == ["YELLOW", "RED", "YELLOW", "GREEN"]
    assert statuses == ["FLAGGED", "CONNECTED"]
    assert offer == ["PAUSED", "APPROVED"]
    assert state.failed_events == {}


def test_faults_are_armed_from_the_start() -> None:
    emulator = Emulator.playing(story("[[faults]]\naction = 'reset'"), clock=StillClock())
    assert [fault.action for _, fault, _ in emulator.state.faults.armed()] == ["reset"]


def test_the_emulators_own_clock_begins_at_the_start_and_runs_at_the_speed() -> None:
    emulator = Emulator.playing(Scenario(start=LATER, speed=0.0))
    assert emulator.clock.now() == LATER
    assert emulator.state.started_at == LATER.timestamp()


async def test_a_reset_brings_everything_back_but_the_doors(cloud: Cloud) -> None:
    first = await cloud.send(template(ANA))
    await cloud.steer("/knobs", read=True)
    await cloud.steer(f"/numbers/{FIRST}", messaging_limit=7)
    await cloud.steer("/faults", action="reset", match={"user": "1"})
    done: list[float] = []
    cloud.emulator.state.schedule.at(cloud.clock.now().timestamp() + 60, done.append)
    state = await cloud.steer("/reset")
    assert (state["sends_seen"], state["armed_faults"], state["knobs"]["read"]) == (0, 0, False)
    assert (await cloud.number())["messaging_limit"] == 2
    assert await cloud.send(template(ANA)) == first
    cloud.clock.advance(120)
    await cloud.told("/state")
    assert done == []


async def test_webhooks_that_wait_are_dropped_by_a_reset_and_later_ones_arrive(
    told: tuple[Cloud, Receiver],
) -> None:
    cloud, receiver = told
    await cloud.steer("/knobs", webhooks_paused=True)
    await cloud.write()
    await cloud.steer("/reset")
    await cloud.write()
    await flushed(cloud)
    assert len(receiver.values()) == 1


async def test_events_are_planned_anew_by_a_reset() -> None:
    clock = StillClock()
    emulator = Emulator.playing(with_number("1h"), clock=clock)
    clock.advance(1800)
    await staging.play(emulator.state, emulator.state.scenario)
    await emulator.state.sender.stop()
    clock.advance(1801)
    emulator.state.now()
    assert len(emulator.state.history.changes) == 0
    clock.advance(1800)
    emulator.state.now()
    assert len(emulator.state.history.changes) == 1


async def test_another_scenario_replaces_the_world(cloud: Cloud) -> None:
    state = await cloud.steer("/scenario", name="restricted-day")
    assert state["scenario"] == "restricted-day"
    assert [each["phone_number_id"] for each in state["numbers"]] == [
        "200000000000003",
        "200000000000004",
    ]
    assert (await cloud.send(template(ANA), FIRST))["http"] == 401


async def test_somebody_elses_clock_is_only_moved_on(start: Start) -> None:
    cloud = await start()
    before = cloud.clock.now()
    later = before + timedelta(days=1)
    await cloud.steer("/scenario", scenario={"start": later.isoformat()})
    assert cloud.clock.now() == later
    await cloud.steer("/scenario", scenario={"start": before.isoformat()})
    assert cloud.clock.now() == later


async def test_the_emulators_own_clock_is_turned_back_by_a_reset() -> None:
    emulator = Emulator.playing(Scenario(start=LATER, speed=0.0))
    assert isinstance(emulator.clock, EmulatorClock)
    emulator.clock.advance(60)
    await staging.play(emulator.state, emulator.state.scenario)
    await emulator.state.sender.stop()
    assert emulator.clock.now() == LATER
