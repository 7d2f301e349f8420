"""Makes, shows and deletes groups of a business number."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.emulator import identity
from gateway.emulator.errors import Refusal
from gateway.emulator.graph import edges
from gateway.emulator.graph.edges import SUCCESS, Deed, Done
from gateway.emulator.registry import Group, Number
from gateway.emulator.state import State
from gateway.emulator.webhooks.updates import Update

# Source: GRP, 2026 (R§1.9, R§7.7). An Official Business Account needs no limit; here nobody is one.
LARGEST = 8
MOST = 10_000
LEAST_LIMIT = 100_000


async def answer(state: State, request: web.Request, node: Group, edge: str) -> web.StreamResponse:
    """Answer a path under a group id (R§1.1)."""
    return await edges.answer(state, request, (node, node.id, edge), _TABLE)


def create(state: State, node: Number, given: dict[str, Any]) -> Done:
    """Make a group; its id comes by webhook, as with Meta.

    131215 below a limit of 100K, 131211 beyond 10,000 groups, 131204 beyond 8 participants.
    """
    lacking = edges.missing(given, "subject")
    if lacking is not None:
        return lacking
    limit = state.registry.limit_of(node)
    if limit is not None and limit < LEAST_LIMIT:
        return Refusal(131215, f"Groups need a messaging limit of {LEAST_LIMIT}.")
    if len(_groups_of(state, node)) >= MOST:
        return Refusal(131211, f"A phone number has no more than {MOST} groups.")
    named = _people(node, given.get("participants", []))
    if isinstance(named, Refusal):
        return named
    now = state.now()
    group = Group(
        id=f"GROUP{state.new_numeric_id()}",
        phone_number_id=node.id,
        subject=str(given["subject"]),
        description=str(given.get("description", "")),
        created_at=now,
        participants=named,
    )
    state.registry.groups[group.id] = group
    request_id = state.new_numeric_id()
    _tell(state, node, {"type": "group_create", "request_id": request_id} | _news(group), now)
    return {"messaging_product": "whatsapp", "request_id": request_id}


def listed(state: State, node: Number, _: dict[str, Any]) -> Done:
    """List the groups of a number."""
    shown = [
        {"id": each.id, "subject": each.subject, "created_at": str(int(each.created_at))}
        for each in _groups_of(state, node)
    ]
    return {"data": {"groups": shown}}


def _show(_: State, group: Group, __: dict[str, Any]) -> Done:
    return {
        "messaging_product": "whatsapp",
        "id": group.id,
        "subject": group.subject,
        "description": group.description,
        "creation_timestamp": str(int(group.created_at)),
        "suspended": False,
        "participants": [{"wa_id": user} for user in group.participants],
        "total_participant_count": len(group.participants),
        "join_approval_mode": "auto_approve",
    }


def _delete(state: State, group: Group, _: dict[str, Any]) -> Done:
    del state.registry.groups[group.id]
    number, now = state.registry.numbers[group.phone_number_id], state.now()
    news = {"type": "group_delete", "request_id": state.new_numeric_id(), "group_id": group.id}
    _tell(state, number, news, now)
    return {"messaging_product": "whatsapp", "request_id": news["request_id"]}


def _remove(state: State, group: Group, given: dict[str, Any]) -> Done:
    """Remove participants; 131212 names one who is not in the group."""
    number = state.registry.numbers[group.phone_number_id]
    named = _people(number, given.get("participants"))
    if isinstance(named, Refusal):
        return named
    stranger = next((user for user in named if user not in group.participants), None)
    if stranger is not None:
        return Refusal(131212, f"{named[stranger]} is not in the group.")
    for user in named:
        del group.participants[user]
    return {"messaging_product": "whatsapp"} | SUCCESS


def _people(node: Number, given: object) -> dict[str, str] | Refusal:
    """Read up to 8 participants, none of them twice, by their digits."""
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        return Refusal(100, "The parameter participants must be an array of users.")
    if len(given) > LARGEST:
        return Refusal(131204, f"A group has no more than {LARGEST} participants.")
    named: dict[str, str] = {}
    for each in given:
        name = str(each.get("user"))
        user = identity.wa_id_of(name, node.calling_code)
        if user is None:
            return Refusal(131212, f"The participant {name!r} is no phone number.")
        if user in named:
            return Refusal(131202, f"The participant {name} is named twice.")
        named[user] = name
    return named


def _groups_of(state: State, node: Number) -> list[Group]:
    return [each for each in state.registry.groups.values() if each.phone_number_id == node.id]


def _news(group: Group) -> dict[str, Any]:
    added = [{"input": name, "wa_id": user} for user, name in group.participants.items()]
    return {
        "group_id": group.id,
        "subject": group.subject,
        "description": group.description,
        "added_participants": added,
    }


def _tell(state: State, node: Number, news: dict[str, Any], now: float) -> None:
    """Post a change in the life of a group. Source: OAPI v23.0, GRP (R§8.6)."""
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": node.digits, "phone_number_id": node.id},
        "groups": [{"timestamp": str(int(now))} | news],
    }
    state.sender.post(Update(node.waba_id, "group_lifecycle_update", value))


_TABLE: Mapping[str, Mapping[str, Deed[Group]]] = {
    "": {"GET": _show, "DELETE": _delete},
    "participants": {"DELETE": _remove},
}
