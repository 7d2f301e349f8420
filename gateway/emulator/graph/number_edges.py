"""Answers everything about a business number that is not a message or a file."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.emulator.errors import Refusal
from gateway.emulator.graph import (
    block_list,
    calls,
    edges,
    groups,
    message_history,
    node_fields,
    number_life,
)
from gateway.emulator.graph.edges import SUCCESS, Deed, Done
from gateway.emulator.identity import is_bsuid, phone_of_bsuid, wa_id_of
from gateway.emulator.registry import Number
from gateway.emulator.state import State


async def answer(state: State, request: web.Request, node: Number, edge: str) -> web.StreamResponse:
    """Answer a path under a phone number id (R§1.1)."""
    return await edges.answer(state, request, (node, node.id, edge), _TABLE)


def _show(state: State, node: Number, given: dict[str, Any]) -> Done:
    return node_fields.number(state, node, given.get("fields"))


def _show_profile(_: State, node: Number, __: dict[str, Any]) -> Done:
    return {"data": [{"messaging_product": "whatsapp", "vertical": "OTHER"} | node.profile]}


def _edit_profile(_: State, node: Number, given: dict[str, Any]) -> Done:
    node.profile.update({k: v for k, v in given.items() if k != "messaging_product"})
    return SUCCESS


def _control_thread(state: State, node: Number, given: dict[str, Any]) -> Done:
    """Pass on, release or take a user's thread. Source: CHLOG #455, #458 (R§1.9).

    Who has passed a thread on sends no free-form messages in it until it is taken back; a thread
    that was released is anybody's.
    """
    lacking = edges.missing(given, "action")
    if lacking is not None:
        return lacking
    user = str(given.get("to") or given.get("recipient") or "")
    if is_bsuid(user):
        user = phone_of_bsuid(user, node.scope) or user
    key = (node.id, wa_id_of(user, node.calling_code) or user)
    match given["action"]:
        case "pass":
            state.memory.threads_passed_on.add(key)
        case "take" | "release":
            state.memory.threads_passed_on.discard(key)
        case _:
            return Refusal(100, "The parameter action must be pass, release or take.")
    return SUCCESS


_TABLE: Mapping[str, Mapping[str, Deed[Number]]] = {
    "": {"GET": _show, "POST": number_life.change},
    "whatsapp_business_profile": {"GET": _show_profile, "POST": _edit_profile},
    "block_users": {
        "GET": block_list.show,
        "POST": block_list.block,
        "DELETE": block_list.unblock,
    },
    "register": {"POST": number_life.register},
    "deregister": {"POST": number_life.deregister},
    "request_code": {"POST": number_life.request_code},
    "verify_code": {"POST": number_life.verify_code},
    "settings": {"GET": number_life.show_settings, "POST": number_life.change_settings},
    "calls": {"POST": calls.act},
    "call_permissions": {"GET": calls.permissions},
    "groups": {"GET": groups.listed, "POST": groups.create},
    "thread_control": {"POST": _control_thread},
    "message_history": {"GET": message_history.show},
}
