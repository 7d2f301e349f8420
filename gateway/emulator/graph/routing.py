"""Finds out what a Graph API path means and calls whoever answers it."""

import asyncio
import base64
import hashlib
from typing import assert_never

from aiohttp import web

from gateway.emulator.errors import Refusal
from gateway.emulator.graph import (
    access,
    answers,
    groups,
    media_door,
    message_door,
    mishaps,
    number_edges,
    template_nodes,
    tokens,
    usage,
    versions,
    waba_edges,
)
from gateway.emulator.graph.access import App, Portfolio, Waba
from gateway.emulator.graph.faults import Fault, Occasion
from gateway.emulator.graph.media import Media
from gateway.emulator.registry import Group, Number, Template
from gateway.emulator.state import State

_SEND_EDGES = frozenset({"messages", "marketing_messages"})
# Since 27 Oct 2026 every version refuses these. Source: G-VER (R§9).
_WITHDRAWN_PARAMETERS = ("ids", "date_format")


async def answer(state: State, request: web.Request) -> web.StreamResponse:
    """Answer any path under `/{version}/` or without a version: token, then node, then edge.

    The headers are those of R§1.5.
    """
    parts = [part for part in request.path.split("/") if part]
    version = parts.pop(0) if parts and versions.is_version(parts[0]) else None
    now = state.now()  # what has become due is seen by whoever reads
    answered = await _answered(state, request, parts)
    if not answered.prepared:
        answered.headers["facebook-api-version"] = versions.served(version, now)
        answered.headers["x-fb-trace-id"] = _trace_of_answer(state)
    return answered


def _trace_of_answer(state: State) -> str:
    """Make a trace id of its own, so that answers to plain sends draw what they always draw."""
    state.answered += 1
    raw = hashlib.sha256(f"{state.seed}:answer:{state.answered}".encode()).digest()[:8]
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def _answered(state: State, request: web.Request, parts: list[str]) -> web.StreamResponse:
    wabas = access.wabas_of_request(state, request)
    if not isinstance(wabas, Refusal) and parts == ["debug_token"] and request.method == "GET":
        return tokens.debug(state, request)
    node = _node(state, request, parts, wabas)
    if isinstance(node, Refusal):
        return answers.refusal(state, node)
    edge = "/".join(parts[1:])
    if isinstance(node, Number) and request.method == "POST" and edge in _SEND_EDGES:
        is_marketing = edge == "marketing_messages"
        return await message_door.post_message(state, request, node, for_marketing=is_marketing)
    if not state.faults.is_empty:
        fault = state.faults.strike(Occasion(request.path, parts[0], method=request.method))
        if fault is not None:
            return await _go_wrong(state, request, (node, edge), fault)
    return await _governed(state, request, (node, edge))


def _node(
    state: State, request: web.Request, parts: list[str], wabas: frozenset[str] | Refusal
) -> access.Node | Refusal:
    if isinstance(wabas, Refusal):
        return wabas
    withdrawn = next((each for each in _WITHDRAWN_PARAMETERS if each in request.query), None)
    if withdrawn is None:
        return access.find(state, parts[0] if parts else "", wabas, request.method)
    text = f"(#100) The parameter {withdrawn} is no longer supported"
    return Refusal(100, text, message=text)


async def _governed(
    state: State, request: web.Request, target: tuple[access.Node, str]
) -> web.StreamResponse:
    """Answer while the hour's calls last, and say how many are left (R§5.3)."""
    node, edge = target
    if not isinstance(node, Number | Waba):
        return await _edge(state, request, target)
    if not usage.is_governance(request.method, edge, of_number=isinstance(node, Number)):
        return await _edge(state, request, target)
    waba_id = node.waba_id if isinstance(node, Number) else node.id
    cap, now = _cap(state, waba_id), state.now()
    refusal = state.usage.note(waba_id, cap, now)
    if refusal is not None and state.knobs.management_cap:
        answered: web.StreamResponse = answers.refusal(state, refusal)
    else:
        answered = await _edge(state, request, target)
    answered.headers.update(state.usage.headers(waba_id, cap, now))
    return answered


def _cap(state: State, waba_id: str) -> int:
    """Choose the calls an hour: more for an active account with a registered number (R§5.3)."""
    is_active = state.registry.waba(waba_id).is_active
    has_number = any(each.is_registered for each in state.registry.numbers_of(waba_id))
    return usage.ACTIVE_CAP if is_active and has_number else usage.ORDINARY_CAP


async def _edge(  # noqa: PLR0911 - one for each kind of node
    state: State, request: web.Request, target: tuple[access.Node, str]
) -> web.StreamResponse:
    node, edge = target
    match node:
        case Number():
            if (request.method, edge) == ("POST", "media"):
                return await media_door.upload(state, request, node)
            return await number_edges.answer(state, request, node, edge)
        case Waba():
            if edge == template_nodes.EDGE:
                return await template_nodes.of_account(state, request, node)
            return await waba_edges.answer(state, request, node, edge)
        case Template():
            return await template_nodes.answer(state, request, node, edge)
        case Media():
            return media_door.node(state, request, node)
        case Group():
            return await groups.answer(state, request, node, edge)
        case Portfolio():
            return await waba_edges.answer_portfolio(state, request, node, edge)
        case App():
            return await waba_edges.answer_app(state, request, node, edge)
        case _:
            assert_never(node)


async def _go_wrong(
    state: State, request: web.Request, target: tuple[access.Node, str], fault: Fault
) -> web.StreamResponse:
    """Answer a request that is no message; a fault that is about messages leaves it alone."""
    if fault.action in {"error", "timeout", "reset"}:
        no = answers.refusal(state, fault.refusal())
        return await mishaps.end(request, fault.action, no, state.closing)
    if fault.action == "delay":
        await asyncio.sleep(fault.delay_s)
    whole = await _governed(state, request, target)
    return await mishaps.end(request, fault.action, whole, state.closing)
