"""Lets Meta do by hand what it does by itself: rate and limit numbers, restrict accounts."""

from gateway.emulator.life import lifecycle
from gateway.emulator.registry import Number, Restriction
from gateway.emulator.state import State
from gateway.emulator.steering.bodies import NewRestriction, NumberChange
from gateway.emulator.webhooks import updates


def change_number(state: State, number: Number, body: NumberChange) -> None:
    """Change a number, with the webhooks Meta would send."""
    now = state.now()
    if body.quality_rating is not None:
        lifecycle.rate(state, number, body.quality_rating, now)
    if body.status is not None:
        lifecycle.set_status(state, number, body.status, now)
    if body.throughput is not None:
        lifecycle.set_throughput(state, number, body.throughput, now)
    if "messaging_limit" in body.model_fields_set:
        lifecycle.set_limit(state, number, body.messaging_limit, now)


def restrict_account(state: State, body: NewRestriction) -> float:
    """Restrict a WABA and tell it; returns when the restriction expires."""
    if body.waba_id not in state.registry.waba_ids:
        raise LookupError(f"waba_id: {body.waba_id} is unknown")
    now = state.now()
    expires_at = float(int(now + body.duration_s if body.duration_s else body.expiration or now))
    state.registry.restrictions.append(Restriction(body.waba_id, body.restriction_type, expires_at))
    update = updates.account_restrictions(body.waba_id, [body.restriction_type], expires_at, now)
    state.sender.post(update)
    return expires_at
