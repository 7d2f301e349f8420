"""Answers the doors of the steering interface that change something."""

from typing import Any

from gateway.emulator.clock import iso
from gateway.emulator.graph.faults import Fault
from gateway.emulator.knobs import Knobs
from gateway.emulator.life import events, inbound, templates
from gateway.emulator.state import State
from gateway.emulator.steering import actions, bodies, queries, snapshot, staging
from gateway.emulator.steering import scenario as scenarios
from gateway.emulator.steering.scenario import Choice

_SUCCESS = {"success": True}


async def forget_sends(state: State) -> Any:
    """Begin the list of sends anew; the report goes on counting."""
    state.journal.forget_sends()
    return _SUCCESS


async def forget_violations(state: State) -> Any:
    """Begin the list of violations anew; the report goes on counting."""
    state.journal.forget_violations()
    return _SUCCESS


async def write(state: State, body: bodies.Inbound) -> Any:
    """Let a user write to a number: it opens the service window and goes out by webhook.

    Returns the `wamid` of the message.
    """
    return {"wamid": inbound.let_happen(state, body)}


async def prefer(state: State, body: bodies.Preference) -> Any:
    """Let a user stop or resume marketing; goes out by webhook."""
    inbound.let_prefer(state, body)
    return _SUCCESS


async def change_user(state: State, phone: str, body: bodies.UserChange) -> Any:
    """Change a person; who comes back online is given what waits.

    Returns the person as `GET /users` does.
    """
    return snapshot.person(actions.change_user(state, phone, body))


async def change_number(state: State, phone_number_id: str, body: bodies.NumberChange) -> Any:
    """Change a number's rating, status, throughput or limit, with the webhooks Meta would send.

    Returns the number as `GET /state` does.
    """
    number = actions.change_number(state, phone_number_id, body)
    return snapshot.number(state, number)


async def change_templates(state: State, name: str, body: bodies.TemplateChange) -> Any:
    """Change the templates of a name, with the webhooks Meta would send.

    Returns them as `templates`.
    """
    changed = templates.change_templates(state, name, body)
    return {"templates": [snapshot.template(each) for each in changed]}


async def restrict(state: State, body: bodies.NewRestriction) -> Any:
    """Restrict a WhatsApp Business Account and tell it.

    Returns its `expiration` in seconds since 1970.
    """
    return {"expiration": int(events.restrict_account(state, body))}


async def lift_restrictions(state: State, query: queries.OfRestrictions) -> Any:
    """Lift restrictions, silently as Meta does.

    Returns how many were `lifted`.
    """
    kept = [
        each for each in state.registry.restrictions if query.waba_id not in {None, each.waba_id}
    ]
    lifted = len(state.registry.restrictions) - len(kept)
    state.registry.restrictions = kept
    return {"lifted": lifted}


async def arm(state: State, body: Fault) -> Any:
    """Arm a fault: requests that match it go wrong.

    Returns its `id`.
    """
    return {"id": state.faults.arm(body)}


async def disarm(state: State) -> Any:
    """Let everything go right again."""
    state.faults.disarm_all()
    return _SUCCESS


async def turn(state: State, body: Knobs) -> Any:
    """Turn the knobs that are named, and leave the others as they are.

    Returns all knobs.
    """
    actions.turn(state, body)
    return state.knobs.model_dump()


async def advance(state: State, body: bodies.ClockChange) -> Any:
    """Hurry the clock; everything that becomes due happens in its order.

    Returns what the clock shows `now`.
    """
    state.clock.advance(body.advance_s)
    now = state.now()
    state.sender.wake()
    return {"now": iso(now)}


async def flush(state: State, query: queries.OfFlush) -> Any:
    """Wait until all webhooks are delivered, hurrying those that are tried again.

    Returns how many are `pending` still.
    """
    return {"pending": await state.sender.flush(query.timeout_s)}


async def set_webhook_url(state: State, body: bodies.WebhookUrl) -> Any:
    """Send webhooks elsewhere, or nowhere."""
    if body.verify and body.url is not None:
        token = state.world.verify_token
        if not await state.sender.is_verified(body.url, token, state.new_trace_id()):
            raise ValueError("url: the receiver did not answer the verification")
    state.sender.url = body.url
    if body.url is None:
        state.sender.forget()
    state.sender.wake()
    return {"url": body.url}


async def reset(state: State) -> Any:
    """Begin the scenario anew with its seed; whatever has happened since is forgotten.

    Returns the whole state, as `GET /state` does.
    """
    await staging.play(state, state.scenario)
    return snapshot.of(state)


async def play(state: State, body: Choice) -> Any:
    """Play another scenario: its world replaces the present one.

    One that names no `webhook_url` goes on with the present one. Returns the whole state, as
    `GET /state` does.
    """
    await staging.play(state, scenarios.telling(body.read(), state.sender.url))
    return snapshot.of(state)
