"""Does what the steering interface is asked for and what a scenario's events say: one way for both.

Every function raises LookupError for what is unknown and ValueError for what makes no sense.
"""

from gateway.emulator import identity
from gateway.emulator.knobs import Knobs
from gateway.emulator.life import delivery, events, inbound, templates
from gateway.emulator.life.people import Person
from gateway.emulator.registry import Number
from gateway.emulator.state import State
from gateway.emulator.steering import bodies
from gateway.emulator.steering.scenario import Event


def happen(state: State, place: int, _: float) -> None:
    """Let an event of the scenario happen; one that has become impossible is noted."""
    try:
        _happen(state, state.scenario.events[place])
    except (LookupError, ValueError) as error:
        state.failed_events[place] = str(error.args[0])


def _happen(state: State, event: Event) -> None:
    if event.inbound is not None:
        inbound.let_happen(state, event.inbound)
    if event.number is not None:
        change_number(state, event.number.phone_number_id, event.number)
    if event.template is not None:
        templates.change_templates(state, event.template.name, event.template)
    if event.restriction is not None:
        events.restrict_account(state, event.restriction)
    if event.preference is not None:
        inbound.let_prefer(state, event.preference)
    if event.user is not None:
        change_user(state, event.user.phone, event.user)
    if event.knobs is not None:
        turn(state, event.knobs)
    if event.fault is not None:
        state.faults.arm(event.fault)
    if event.disarm:
        state.faults.disarm_all()


def change_number(state: State, phone_number_id: str, body: bodies.NumberChange) -> Number:
    """Change a number, with the webhooks Meta would send."""
    number = inbound.number_of(state, phone_number_id)
    events.change_number(state, number, body)
    return number


def change_user(state: State, phone: str, body: bodies.UserChange) -> Person:
    """Change a person; whoever comes back online is given what waits."""
    digits = identity.digits_of(phone)
    if identity.wa_id_of(f"+{digits}", "") is None:
        raise ValueError(f"phone: {phone!r} is not a phone number")
    person = state.people.know(digits)
    was_offline = person.offline
    for trait, value in body.model_dump(exclude_none=True, exclude={"phone"}).items():
        setattr(person, trait, value)
    if was_offline and not person.offline:
        delivery.came_online(state, person, state.now())
    return person


def turn(state: State, knobs: Knobs) -> None:
    """Turn the knobs that are named, and leave the others as they are."""
    for name in sorted(knobs.model_fields_set):
        setattr(state.knobs, name, getattr(knobs, name))
    state.sender.wake()
