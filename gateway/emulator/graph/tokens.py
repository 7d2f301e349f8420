"""Describes access tokens to who asks for them."""

import hashlib
from typing import Any

from aiohttp import web

from gateway.emulator.errors import Refusal
from gateway.emulator.graph import access, answers
from gateway.emulator.state import State

# Tokens of the world were made on New Year's Day 2026, for it does not say when.
_ISSUED_AT = 1_767_225_600
_SCOPES = ("whatsapp_business_management", "whatsapp_business_messaging")


def debug(state: State, request: web.Request) -> web.StreamResponse:
    """Describe `input_token`. Source: docs/graph-api/reference/debug_token (R§1.1)."""
    token = request.query.get("input_token")
    if token is None:
        text = "(#100) The parameter input_token is required."
        return answers.refusal(state, Refusal(100, text, message=text))
    return answers.json({"data": _described(state, token)})


def _described(state: State, token: str) -> dict[str, Any]:
    app = {"app_id": state.world.app_id, "application": "Example App"}
    if access.is_app_token(state, token):
        return app | {"type": "APP", "is_valid": True, "scopes": []}
    wabas = state.registry.tokens.get(token)
    if wabas is None:
        return _invalid("Invalid OAuth access token.", None)
    ends = int(state.registry.token_ends.get(token, 0))
    shown = app | {
        "type": "SYSTEM_USER",
        "is_valid": True,
        "scopes": list(_SCOPES),
        "granular_scopes": [{"scope": name, "target_ids": sorted(wabas)} for name in _SCOPES],
        "expires_at": ends,
        "data_access_expires_at": 0,
        "issued_at": _ISSUED_AT,
        "user_id": _user_id(token),
    }
    if access.has_expired(state, token):
        return shown | _invalid("Error validating access token: Session has expired", 463)
    return shown


def _invalid(why: str, subcode: int | None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": 190, "message": why}
    if subcode is not None:
        error["subcode"] = subcode
    return {"error": error, "is_valid": False, "scopes": []}


def _user_id(token: str) -> str:
    """Make up the system user who holds a token, always the same."""
    return str(10**14 + int.from_bytes(hashlib.sha256(token.encode()).digest()[:5], "big"))
