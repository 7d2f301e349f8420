"""Shows the emulator's whole state to whoever steers it."""

from dataclasses import fields
from typing import Any

from gateway.emulator.clock import iso, iso_or_none
from gateway.emulator.life.people import Person
from gateway.emulator.registry import Number, Template
from gateway.emulator.state import State


def of(state: State) -> dict[str, Any]:
    """Show everything at once."""
    now = state.now()
    registry = state.registry
    return {
        "now": iso(now),
        "scenario": state.scenario.name,
        "mode": state.mode,
        "knobs": state.knobs.model_dump(),
        "webhook_url": state.sender.url,
        "pending_webhooks": state.sender.pending,
        "delivered_webhooks": state.sender.delivered,
        "sends_seen": state.journal.sends_seen,
        "violations_seen": state.journal.violations_seen,
        "numbers": [number(state, each) for each in registry.numbers.values()],
        "pools": pools(state, now),
        "templates": [template(each) for each in registry.templates.values()],
        "restrictions": [
            {
                "waba_id": each.waba_id,
                "restriction_type": each.restriction_type,
                "expiration": int(each.expires_at),
            }
            for each in registry.restrictions
            if each.expires_at > now
        ],
        "armed_faults": len(state.faults.armed()),
    }


def number(state: State, each: Number) -> dict[str, Any]:
    """Show one number; `counted_users` is what its pool has used of the limit."""
    return {
        "phone_number_id": each.id,
        "display_phone_number": each.display_phone_number,
        "waba_id": each.waba_id,
        "portfolio_id": each.portfolio_id,
        "pool_id": each.pool_id,
        "regime": each.regime,
        "status": each.status,
        "quality_rating": each.quality_rating,
        "throughput": each.throughput,
        "messaging_limit": state.registry.limit_of(each),
        "counted_users": state.memory.ledger.count(each.pool_id, state.now()),
        "restricted_until": iso_or_none(each.restricted_until),
        "flagged_until": iso_or_none(each.flagged_until),
    }


def template(each: Template) -> dict[str, Any]:
    """Show one template."""
    return {
        "id": each.id,
        "waba_id": each.waba_id,
        "name": each.name,
        "language": each.language,
        "category": each.category,
        "status": each.status,
        "quality": each.quality,
    }


def person(each: Person) -> dict[str, Any]:
    """Show one person; `blocked` are the numbers whom they block."""
    shown = {field.name: getattr(each, field.name) for field in fields(each)}
    return shown | {"blocked": sorted(each.blocked)}


def pools(state: State, now: float) -> list[dict[str, Any]]:
    """Show how much of each messaging limit is used."""
    by_id = {each.pool_id: each for each in state.registry.numbers.values()}
    return [
        {
            "pool_id": pool_id,
            "messaging_limit": state.registry.limit_of(one_of_them),
            "counted_users": state.memory.ledger.count(pool_id, now),
        }
        for pool_id, one_of_them in sorted(by_id.items())
    ]
