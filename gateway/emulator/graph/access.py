"""Checks whether a token may touch the thing it asks for."""

import hashlib
import hmac
from dataclasses import dataclass

from aiohttp import web

from gateway.emulator.errors import Refusal, unknown_object
from gateway.emulator.graph.media import Media
from gateway.emulator.registry import Group, Number, Template
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


Node = Number | Waba | Template | Media | Portfolio | App | Group
_INVALID_SUBCODE = 467
_EXPIRED_SUBCODE = 463
_SCHEME = "bearer "


def wabas_of_request(state: State, request: web.Request) -> frozenset[str] | Refusal:
    """Find the WABAs behind a request, whose token may be in its query instead of its head.

    An `appsecret_proof` need not be there, but if it is it must be right: 100 otherwise. Source:
    docs/graph-api/guides/secure-requests (R§9).
    """
    authorization = request.headers.get("Authorization")
    if authorization is None and "access_token" in request.query:
        authorization = f"Bearer {request.query['access_token']}"
    wabas = wabas_of_bearer(state, authorization)
    proof = request.query.get("appsecret_proof")
    if isinstance(wabas, Refusal) or authorization is None or proof is None:
        return wabas
    token = authorization[len(_SCHEME) :].strip()
    right = hmac.new(state.world.app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
    if hmac.compare_digest(right.encode(), proof.encode()):
        return wabas
    text = "Invalid appsecret_proof provided in the API argument"
    return Refusal(100, text, message=text)


def wabas_of_bearer(state: State, authorization: str | None) -> frozenset[str] | Refusal:
    """Find the WABAs behind an Authorization header; 401 and code 190 when it is no good.

    An app's own token reaches no WABA. Source: ERR, 12 Dec 2025 (R§7.1, R§9, R§12.3).
    """
    if authorization is None or authorization[: len(_SCHEME)].lower() != _SCHEME:
        text = "An access token is required to request this resource."
        return Refusal(190, text, message=text)
    token = authorization[len(_SCHEME) :].strip()
    wabas = state.registry.tokens.get(token)
    if wabas is None and is_app_token(state, token):
        return frozenset()
    if wabas is None:
        text = "Invalid OAuth access token - Cannot parse access token"
        return Refusal(190, text, subcode=_INVALID_SUBCODE, message=text)
    if token in state.registry.token_ends and has_expired(state, token):
        text = "Error validating access token: Session has expired"
        return Refusal(190, text, subcode=_EXPIRED_SUBCODE, message=text)
    return wabas


def is_app_token(state: State, token: str) -> bool:
    """Whether the token is the app's own, `APP_ID|APP_SECRET` (R§9)."""
    return token == f"{state.world.app_id}|{state.world.app_secret}"


def has_expired(state: State, token: str) -> bool:
    """Whether a token's time is over."""
    end = state.registry.token_ends.get(token)
    return end is not None and state.now() >= end


def find(state: State, node_id: str, wabas: frozenset[str], method: str = "GET") -> Node | Refusal:
    """Find a node by its id, unless it is unknown (100/33) or out of the token's reach (200)."""
    node = _node(state, node_id)
    if node is None:
        return unknown_object(node_id, method)
    owners = _owners(state, node)
    if owners is not None and not owners & wabas:
        text = f"(#200) You do not have permission to access {node_id}"
        return Refusal(200, text, message=text)
    return node


def _node(state: State, node_id: str) -> Node | None:
    registry = state.registry
    if node_id in registry.waba_ids:
        return Waba(node_id)
    if node_id in registry.portfolio_limits:
        return Portfolio(node_id)
    if node_id == state.world.app_id:
        return App(node_id)
    return (
        registry.numbers.get(node_id)
        or registry.templates_by_id.get(node_id)
        or registry.groups.get(node_id)
        or state.media.get(node_id, state.now())
    )


def _owners(state: State, node: Node) -> set[str] | None:
    match node:
        case Number() | Template():
            return {node.waba_id}
        case Waba():
            return {node.id}
        case Media() | Group():
            return {state.registry.numbers[node.phone_number_id].waba_id}
        case Portfolio():
            numbers = state.registry.numbers.values()
            return {each.waba_id for each in numbers if each.portfolio_id == node.id}
        case App():
            return None
