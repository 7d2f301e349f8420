"""Keeps the list of users whom a business number has blocked."""

from typing import Any

import orjson

from gateway.emulator import identity
from gateway.emulator.errors import Refusal, error_body
from gateway.emulator.graph import answers, edges
from gateway.emulator.graph.edges import Done
from gateway.emulator.registry import Number
from gateway.emulator.state import State

# Source: BLOCK, 27 Oct 2025 (R§1.1, R§7.7).
LARGEST = 64_000
_PARTLY_FAILED = Refusal(139100, "Failed to block some users, see block_users for details.")
_LONG_SILENT = {
    "message": "Re-engagement required",
    "code": 131047,
    "error_data": {"details": "The user has not written to this number in the last 24 hours."},
}


def show(_: State, node: Number, __: dict[str, Any]) -> Done:
    """List the blocked users."""
    return [
        {"messaging_product": "whatsapp", **_named(given, user)}
        for user, given in node.blocked_users.items()
    ]


def block(state: State, node: Number, given: dict[str, Any]) -> Done:
    """Block users who wrote in the last 24 hours; 139100 names the others, 139101 a full list."""
    users = _users(node, given)
    if isinstance(users, Refusal):
        return users
    if len(node.blocked_users.keys() | users.keys()) > LARGEST:
        return Refusal(139101, f"No more than {LARGEST} users can be blocked.")
    now = state.now()
    added, failed = [], []
    for user, name in users.items():
        if state.memory.windows.is_open(node.id, user, now):
            node.blocked_users[user] = name
            added.append(_named(name, user))
        else:
            failed.append(_named(name, user) | {"errors": [_LONG_SILENT]})
    listed: dict[str, Any] = {"added_users": added}
    if not failed:
        return {"messaging_product": "whatsapp", "block_users": listed}
    error = orjson.loads(error_body(_PARTLY_FAILED, state.new_trace_id()))
    listed["failed_users"] = failed
    body = {"messaging_product": "whatsapp", "block_users": listed} | error
    return answers.json(body, _PARTLY_FAILED.status)


def unblock(_: State, node: Number, given: dict[str, Any]) -> Done:
    """Take users off the list, whether they are on it or not."""
    users = _users(node, given)
    if isinstance(users, Refusal):
        return users
    for user in users:
        node.blocked_users.pop(user, None)
    removed = [_named(name, user) for user, name in users.items()]
    return {"messaging_product": "whatsapp", "block_users": {"removed_users": removed}}


def _users(node: Number, given: dict[str, Any]) -> dict[str, str] | Refusal:
    """Read `block_users`: each user as we count them, and as they were named."""
    lacking = edges.missing(given, "block_users")
    if lacking is not None:
        return lacking
    listed = given["block_users"]
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        return Refusal(100, "The parameter block_users must be an array of users.")
    users: dict[str, str] = {}
    for each in listed:
        name = str(each.get("user") or each.get("user_id"))
        user = _user(node, name)
        if user is None:
            return Refusal(131009, f"The user {name!r} is no phone number and no user id.")
        users[user] = name
    return users


def _user(node: Number, name: str) -> str | None:
    if identity.is_bsuid(name):
        return identity.phone_of_bsuid(name, node.scope) or name
    return identity.wa_id_of(name, node.calling_code)


def _named(name: str, user: str) -> dict[str, Any]:
    if identity.is_bsuid(name):
        return {"input": name, "user_id": name}
    return {"input": name, "wa_id": user}
