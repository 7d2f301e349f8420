"""Checks whether a token may touch the thing it asks for."""

from dataclasses import dataclass

from gateway.emulator.errors import Refusal, unknown_object
from gateway.emulator.graph.media import Media
from gateway.emulator.registry import Number, Template
from gateway.emulator.state import State


@dataclass(frozen=True, slots=True)
class Waba:
    """A WhatsApp Business Account, known by its id alone."""

    id: str


@dataclass(frozen=True, slots=True)
class Portfolio:
    """A business portfolio, known by its id alone."""

    id: str


@dataclass(frozen=True, slots=True)
class App:
    """The one app of the emulator's world."""

    id: str


Node = Number | Waba | Template | Media | Portfolio | App
_INVALID_SUBCODE = 467
_SCHEME = "bearer "


def wabas_of_bearer(state: State, authorization: str | None) -> frozenset[str] | Refusal:
    """Find the WABAs behind an Authorization header; 401 and code 190 when it is no good.

    Source: ERR, 12 Dec 2025 (R§7.1, R§12.3).
    """
    if authorization is None or authorization[: len(_SCHEME)].lower() != _SCHEME:
        text = "An access token is required to request this resource."
        return Refusal(190, text, message=text)
    wabas = state.registry.tokens.get(authorization[len(_SCHEME) :].strip())
    if wabas is None:
        text = "Invalid OAuth access token - Cannot parse access token"
        return Refusal(190, text, subcode=_INVALID_SUBCODE, message=text)
    return wabas


def find(state: State, node_id: str, wabas: frozenset[str]) -> Node | Refusal:
    """Find a node by its id, unless it is unknown (100/33) or out of the token's reach (200)."""
    node = _node(state, node_id)
    if node is None:
        return unknown_object(node_id)
    owners = _owners(state, node)
    if owners is not None and not owners & wabas:
        text = f"(#200) You do not have permission to access {node_id}"
        return Refusal(200, text, message=text)
    return node


def _node(state: State, node_id: str) -> Node | None:
    registry = state.registry
    if (number := registry.numbers.get(node_id)) is not None:
        return number
    if node_id in registry.waba_ids:
        return Waba(node_id)
    if (template := registry.templates_by_id.get(node_id)) is not None:
        return template
    if node_id in registry.portfolio_limits:
        return Portfolio(node_id)
    if node_id == state.world.app_id:
        return App(node_id)
    return state.media.get(node_id, state.now())


def _owners(state: State, node: Node) -> set[str] | None:
    match node:
        case Number() | Template():
            return {node.waba_id}
        case Waba():
            return {node.id}
        case Media():
            return {state.registry.numbers[node.phone_number_id].waba_id}
        case Portfolio():
            numbers = state.registry.numbers.values()
            return {each.waba_id for each in numbers if each.portfolio_id == node.id}
        case App():
            return None
