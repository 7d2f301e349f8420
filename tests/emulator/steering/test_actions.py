import pytest

from gateway.emulator import Emulator, Knobs
from gateway.emulator.steering import actions, bodies
from gateway.emulator.steering.scenario import Event, Scenario
from tests.emulator.conftest import ANA, FIRST, WABA, StillClock, state, world

USER = "34600000001"


def played(*events: dict[str, object]) -> Emulator:
    """Play events one after the other, and look a minute later."""
    told = [Event.model_validate({"at": at} | event) for at, event in enumerate(events)]
    clock = StillClock()
    emulator = Emulator.playing(Scenario(world=world(), events=told), clock=clock)
    clock.advance(60)
    emulator.state.now()
    return emulator


def test_a_scenario_can_do_what_the_doors_can() -> None:
    after = played(
        {"inbound": {"phone_number_id": FIRST, "from": ANA}},
        {"number": {"phone_number_id": FIRST, "status": "BANNED"}},
        {"template": {"name": "promo", "category": "UTILITY"}},
        {"restriction": {"waba_id": WABA, "restriction_type": "X", "duration_s": 9}},
        {"preference": {"phone_number_id": FIRST, "user": ANA, "value": "stop"}},
        {"user": {"phone": ANA, "offline": True}},
        {"knobs": {"read": True}},
        {"fault": {"action": "reset"}},
    ).state
    number = after.registry.numbers[FIRST]
    person = after.people.get(USER)
    assert after.failed_events == {}
    assert after.memory.windows.is_open(FIRST, USER, after.now())
    assert number.status == "BANNED"
    assert after.registry.templates_by_id["600000000000001"].category == "UTILITY"
    assert [each.restriction_type for each in after.registry.restrictions] == ["X"]
    assert (number.scope, USER) in after.memory.marketing_stopped
    assert person is not None
    assert person.offline
    assert after.knobs == Knobs(read=True)
    assert not after.faults.is_empty


def test_a_scenario_ends_its_faults() -> None:
    assert played({"fault": {"action": "reset"}}, {"disarm": True}).state.faults.is_empty


def test_an_event_that_has_become_impossible_is_noted_and_disturbs_nobody() -> None:
    event = Event.model_validate({"at": 1, "template": {"name": "promo", "status": "DISABLED"}})
    clock = StillClock()
    emulator = Emulator.playing(Scenario(world=world(), events=[event]), clock=clock)
    registry = emulator.state.registry
    registry.remove_template(registry.templates_by_id["600000000000001"])
    clock.advance(60)
    emulator.state.now()
    assert list(emulator.state.failed_events) == [0]
    assert "promo" in emulator.state.failed_events[0]


def test_only_the_traits_that_are_named_change() -> None:
    whole = state()
    actions.change_user(whole, ANA, bodies.UserChange(offline=True, name="Ana"))
    person = actions.change_user(whole, USER, bodies.UserChange(capped=True))
    assert (person.phone, person.name, person.offline, person.capped) == (USER, "Ana", True, True)
    assert not person.in_experiment


@pytest.mark.parametrize("phone", ["nobody", "12", "+"])
def test_a_person_has_a_phone(phone: str) -> None:
    with pytest.raises(ValueError, match="is not a phone number"):
        actions.change_user(state(), phone, bodies.UserChange(offline=True))


def test_only_the_knobs_that_are_named_turn() -> None:
    whole = state(knobs=Knobs(read=True))
    actions.turn(whole, Knobs(batch_max=3))
    assert whole.knobs == Knobs(read=True, batch_max=3)
