"""Says whether a number or an account can send messages, and why not."""

from typing import Any

from gateway.emulator.registry import Number
from gateway.emulator.rules.judge import SENDING_STATUSES
from gateway.emulator.state import State

_FROM_BEST_TO_WORST = ("AVAILABLE", "LIMITED", "BLOCKED")
_CANNOT_SEND = 141002


def of_number(state: State, number: Number) -> dict[str, Any]:
    """Judge a number with its account, business and app. Source: HEALTH, 17 Jun 2026 (R§4.4)."""
    return _worst_of([_number(number), *_account(state, number.waba_id)])


def of_waba(state: State, waba_id: str) -> dict[str, Any]:
    """Judge an account with its business and the app. Source: HEALTH, 17 Jun 2026 (R§4.4)."""
    return _worst_of(_account(state, waba_id))


def _worst_of(entities: list[dict[str, Any]]) -> dict[str, Any]:
    worst = max((each["can_send_message"] for each in entities), key=_FROM_BEST_TO_WORST.index)
    return {"can_send_message": worst, "entities": entities}


def _account(state: State, waba_id: str) -> list[dict[str, Any]]:
    numbers = state.registry.numbers_of(waba_id)
    portfolios = sorted({each.portfolio_id for each in numbers if each.portfolio_id is not None})
    return [
        _waba(state, waba_id),
        *(_entity("BUSINESS", each) for each in portfolios),
        _entity("APP", state.world.app_id),
    ]


def _number(number: Number) -> dict[str, Any]:
    if not number.is_registered:
        return _blocked("PHONE_NUMBER", number.id, "The phone number is not registered.")
    if number.status not in SENDING_STATUSES:
        return _blocked("PHONE_NUMBER", number.id, f"The phone number is {number.status}.")
    if number.status == "CONNECTED":
        return _entity("PHONE_NUMBER", number.id)
    return _limited("PHONE_NUMBER", number.id, [f"The phone number is {number.status}."])


def _waba(state: State, waba_id: str) -> dict[str, Any]:
    if not state.registry.waba(waba_id).is_active:
        return _blocked("WABA", waba_id, "The account is not active.")
    kinds = [each.restriction_type for each in state.registry.restrictions_of(waba_id, state.now())]
    if not kinds:
        return _entity("WABA", waba_id)
    return _limited("WABA", waba_id, [f"The account is under {kind}." for kind in kinds])


def _entity(kind: str, node_id: str, can_send: str = "AVAILABLE") -> dict[str, Any]:
    return {"entity_type": kind, "id": node_id, "can_send_message": can_send}


def _limited(kind: str, node_id: str, why: list[str]) -> dict[str, Any]:
    return _entity(kind, node_id, "LIMITED") | {"additional_info": why}


def _blocked(kind: str, node_id: str, why: str) -> dict[str, Any]:
    error = {
        "error_code": _CANNOT_SEND,
        "error_description": why,
        "possible_solution": "Register the phone number again or appeal.",
    }
    return _entity(kind, node_id, "BLOCKED") | {"errors": [error]}
