"""Finds out what a Graph API path means and calls whoever answers it."""

import asyncio
import re
from typing import assert_never

from aiohttp import web

from gateway.emulator.errors import Refusal
from gateway.emulator.graph import access, answers, media_door, message_door, mishaps, nodes
from gateway.emulator.graph.access import App, Portfolio, Waba
from gateway.emulator.graph.faults import Fault, Occasion
from gateway.emulator.graph.media import Media
from gateway.emulator.registry import Number, Template
from gateway.emulator.state import State

_VERSION = re.compile(r"v\d+\.\d+")
_SEND_EDGES = frozenset({"messages", "marketing_messages"})


async def answer(state: State, request: web.Request) -> web.StreamResponse:
    """Answer any path under `/{version}/` or without a version: token, then node, then edge."""
    parts = [part for part in request.path.split("/") if part]
    if parts and _VERSION.fullmatch(parts[0]):
        del parts[0]
    wabas = access.wabas_of_bearer(state, request.headers.get("Authorization"))
    if isinstance(wabas, Refusal):
        return answers.refusal(state, wabas)
    if parts[:1] == ["debug_token"]:
        return nodes.debug_token(state, request)
    node = access.find(state, parts[0] if parts else "", wabas)
    if isinstance(node, Refusal):
        return answers.refusal(state, node)
    edge = "/".join(parts[1:])
    if isinstance(node, Number) and request.method == "POST" and edge in _SEND_EDGES:
        is_marketing = edge == "marketing_messages"
        return await message_door.post_message(state, request, node, for_marketing=is_marketing)
    if not state.faults.is_empty:
        fault = state.faults.strike(Occasion(request.path, parts[0]))
        if fault is not None:
            return await _go_wrong(state, request, (node, edge), fault)
    return await _edge(state, request, (node, edge))


async def _edge(
    state: State, request: web.Request, target: tuple[access.Node, str]
) -> web.StreamResponse:
    node, edge = target
    match node:
        case Number():
            if (request.method, edge) == ("POST", "media"):
                return await media_door.upload(state, request, node)
            return await nodes.number(state, request, node, edge)
        case Waba():
            return await nodes.waba(state, request, node.id, edge)
        case Template():
            return await nodes.template(state, request, node, edge)
        case Media():
            return media_door.node(state, request, node)
        case Portfolio() | App():
            return nodes.plain(state, request, node, edge)
        case _:
            assert_never(node)


async def _go_wrong(
    state: State, request: web.Request, target: tuple[access.Node, str], fault: Fault
) -> web.StreamResponse:
    no = Refusal(fault.code, "An armed fault.", http_status=fault.http_status)
    answer = (no.status, state.refusal_body(no))
    if fault.action not in {"error", "timeout", "reset"}:
        if fault.action == "delay":
            await asyncio.sleep(fault.delay_s)
        whole = await _edge(state, request, target)
        if fault.action == "delay":
            return whole
        body = whole.body if isinstance(whole, web.Response) else None
        answer = (whole.status, body if isinstance(body, bytes) else b"{}")
    return await mishaps.end(request, fault.action, answer, state.closing)
