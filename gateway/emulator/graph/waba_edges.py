"""Answers everything about accounts, portfolios and the app that is not a template."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.emulator.graph import edges, node_fields
from gateway.emulator.graph.access import App, Portfolio, Waba
from gateway.emulator.graph.edges import SUCCESS, Deed, Done
from gateway.emulator.state import State
from gateway.emulator.webhooks.updates import tier


async def answer(state: State, request: web.Request, node: Waba, edge: str) -> web.StreamResponse:
    """Answer a path under a WhatsApp Business Account id (R§1.1)."""
    return await edges.answer(state, request, (node, node.id, edge), _OF_WABA)


async def answer_portfolio(
    state: State, request: web.Request, node: Portfolio, edge: str
) -> web.StreamResponse:
    """Answer a path under a portfolio id, of which little but its limit is known (R§2.3)."""
    return await edges.answer(state, request, (node, node.id, edge), _OF_PORTFOLIO)


async def answer_app(
    state: State, request: web.Request, node: App, edge: str
) -> web.StreamResponse:
    """Answer a path under the app's id."""
    return await edges.answer(state, request, (node, node.id, edge), _OF_APP)


def _show(state: State, node: Waba, given: dict[str, Any]) -> Done:
    return node_fields.waba(state, node.id, given.get("fields"))


def _numbers(state: State, node: Waba, given: dict[str, Any]) -> Done:
    numbers = state.registry.numbers_of(node.id)
    return [node_fields.number(state, each, given.get("fields")) for each in numbers]


def _subscribe(state: State, node: Waba, _: dict[str, Any]) -> Done:
    state.registry.subscribed.add(node.id)
    return SUCCESS


def _unsubscribe(state: State, node: Waba, _: dict[str, Any]) -> Done:
    state.registry.subscribed.discard(node.id)
    return SUCCESS


def _subscribed(state: State, node: Waba, _: dict[str, Any]) -> Done:
    return node_fields.subscriptions(state, node.id)


def _show_portfolio(state: State, node: Portfolio, _: dict[str, Any]) -> Done:
    limit = tier(state.registry.portfolio_limits[node.id])
    named = {"id": node.id, "name": f"Example {node.id}"}
    return named | {"whatsapp_business_manager_messaging_limit": limit}


def _show_app(_: State, node: App, __: dict[str, Any]) -> Done:
    return {"id": node.id, "name": f"Example {node.id}"}


def _subscribe_app(_: State, __: App, ___: dict[str, Any]) -> Done:
    return SUCCESS


_OF_WABA: Mapping[str, Mapping[str, Deed[Waba]]] = {
    "": {"GET": _show},
    "phone_numbers": {"GET": _numbers},
    "subscribed_apps": {"GET": _subscribed, "POST": _subscribe, "DELETE": _unsubscribe},
}
_OF_PORTFOLIO: Mapping[str, Mapping[str, Deed[Portfolio]]] = {"": {"GET": _show_portfolio}}
_OF_APP: Mapping[str, Mapping[str, Deed[App]]] = {
    "": {"GET": _show_app},
    "subscriptions": {"POST": _subscribe_app},
}
