"""Lets a business call its users, and says whom it may call."""

from typing import Any

from gateway.emulator import identity
from gateway.emulator.errors import Refusal
from gateway.emulator.graph import edges
from gateway.emulator.graph.edges import SUCCESS, Done
from gateway.emulator.registry import Number
from gateway.emulator.rules.calling import (
    CALLS_A_DAY,
    DAY_S,
    REQUESTS_A_DAY,
    REQUESTS_A_WEEK,
    WEEK_S,
    Pair,
)
from gateway.emulator.state import State

_FORBIDDING = frozenset(
    {
        "RESTRICTED_BUSINESS_INITIATED_CALLING",
        "RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING",
    }
)
_LATER_ACTIONS = frozenset({"pre_accept", "accept", "reject", "terminate"})


def act(state: State, node: Number, given: dict[str, Any]) -> Done:
    """Begin or end a call, which the user takes at once. Source: CALL, 13 Nov 2025 (R§1.9, R§7.7).

    Calling is off (138000) until `settings` turn it on.
    """
    if node.settings.get("calling", {}).get("status") != "ENABLED":
        return Refusal(138000, "Calling is not enabled for this phone number.")
    lacking = edges.missing(given, "action")
    if lacking is not None:
        return lacking
    action = str(given["action"])
    if action == "connect":
        return _connect(state, node, given)
    if action in _LATER_ACTIONS:
        return _go_on(state, node, given)
    return Refusal(100, f"The action {action!r} does not exist.")


def _connect(state: State, node: Number, given: dict[str, Any]) -> Done:
    pair = _pair(node, given.get("to") or given.get("recipient"))
    if isinstance(pair, Refusal):
        return pair
    now, calling = state.now(), state.memory.calling
    restrictions = state.registry.restrictions_of(node.waba_id, now)
    if any(each.restriction_type in _FORBIDDING for each in restrictions):
        return Refusal(368, "The account may not call users.")
    if calling.permitted_until(pair, now) is None:
        return Refusal(138006, "The user has not permitted calls from this number.")
    if calling.calls(pair, now) >= CALLS_A_DAY:
        return Refusal(138012, f"{CALLS_A_DAY} calls to this user were connected in 24 hours.")
    calling.note_call(pair, now)
    call_id = f"wacid.{state.new_wamid(now).removeprefix('wamid.')}"
    calling.ongoing[call_id] = node.id
    return {"messaging_product": "whatsapp", "calls": [{"id": call_id}]} | SUCCESS


def _go_on(state: State, node: Number, given: dict[str, Any]) -> Done:
    lacking = edges.missing(given, "call_id")
    if lacking is not None:
        return lacking
    ongoing, call_id = state.memory.calling.ongoing, str(given["call_id"])
    if ongoing.get(call_id) != node.id:
        return Refusal(100, "The call_id is of no ongoing call of this number.")
    if given["action"] in {"reject", "terminate"}:
        del ongoing[call_id]
    return {"messaging_product": "whatsapp"} | SUCCESS


def permissions(state: State, node: Number, given: dict[str, Any]) -> Done:
    """Say whether a user may be called or asked, and what is left of the limits."""
    pair = _pair(node, given.get("user_wa_id") or given.get("recipient"))
    if isinstance(pair, Refusal):
        return pair
    now, calling = state.now(), state.memory.calling
    until = calling.permitted_until(pair, now)
    permission: dict[str, Any] = {"status": "no_permission"}
    if until is not None:
        permission = {"status": "temporary", "expiration_time": int(until)}
    asked = [
        _limit("PT24H", REQUESTS_A_DAY, calling.requests(pair, DAY_S, now)),
        _limit("P7D", REQUESTS_A_WEEK, calling.requests(pair, WEEK_S, now)),
    ]
    called = _limit("PT24H", CALLS_A_DAY, calling.calls(pair, now))
    may_call = until is not None and called["current_usage"] < CALLS_A_DAY
    return {
        "messaging_product": "whatsapp",
        "permission": permission,
        "actions": [
            _action("send_call_permission_request", asked, is_free=calling.may_ask(pair, now)),
            _action("start_call", [called], is_free=may_call),
        ],
    }


def _pair(node: Number, user: object) -> Pair | Refusal:
    if not isinstance(user, str):
        return Refusal(100, "The user must be named as a string.")
    if identity.is_bsuid(user):
        return node.id, identity.phone_of_bsuid(user, node.scope) or user
    wa_id = identity.wa_id_of(user, node.calling_code)
    if wa_id is None:
        return Refusal(131009, f"The user {user!r} is no phone number and no user id.")
    return node.id, wa_id


def _limit(period: str, most: int, used: int) -> dict[str, Any]:
    return {"time_period": period, "max_allowed": most, "current_usage": used}


def _action(name: str, limits: list[dict[str, Any]], *, is_free: bool) -> dict[str, Any]:
    return {"action_name": name, "can_perform_action": is_free, "limits": limits}
