"""Sets a scenario up in an emulator, and begins it anew or another one while it runs."""

from dataclasses import fields
from functools import partial

from gateway.emulator.clock import EmulatorClock
from gateway.emulator.life import reactions
from gateway.emulator.state import State, build
from gateway.emulator.steering import actions
from gateway.emulator.steering.scenario import Scenario

# What the running application holds on to while everything else is exchanged.
_LASTING = frozenset({"clock", "schedule", "closing"})


def begin(state: State) -> None:
    """Arm the faults of a fresh emulator, plan the events of its scenario, wake its people."""
    for fault in state.scenario.faults:
        state.faults.arm(fault)
    for place, event in enumerate(state.scenario.events):
        state.schedule.at(state.started_at + event.at, partial(actions.happen, state, place))
    reactions.begin(state)


async def play(state: State, scenario: Scenario) -> None:
    """Forget everything and begin a scenario; webhooks that were not delivered are dropped.

    A clock of the emulator's own goes to the scenario's start. A clock of somebody else's cannot be
    turned back: it is only moved on to a start that lies ahead.
    """
    _set_clock(state, scenario)
    state.schedule.forget()
    fresh = build(scenario, state.clock, state.journal.keep, state.schedule)
    former = state.sender
    for field in fields(State):
        if field.name not in _LASTING:
            setattr(state, field.name, getattr(fresh, field.name))
    begin(state)
    await former.stop()
    await state.sender.start()


def _set_clock(state: State, scenario: Scenario) -> None:
    if isinstance(state.clock, EmulatorClock):
        state.clock.begin(scenario.start, scenario.speed)
    elif scenario.start is not None:
        ahead = (scenario.start - state.clock.now()).total_seconds()
        state.clock.advance(max(ahead, 0.0))
