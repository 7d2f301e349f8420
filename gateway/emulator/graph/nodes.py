"""Answers everything about numbers, accounts and templates that is not a message."""

from typing import Any

import orjson
from aiohttp import web

from gateway.emulator import identity
from gateway.emulator.errors import Refusal, unknown_object
from gateway.emulator.graph import access, answers, node_fields, paging
from gateway.emulator.registry import Number, Template
from gateway.emulator.state import State
from gateway.emulator.webhooks import updates

# Endpoints of a number's life before sending; here they only say yes (R§1.1).
_ALWAYS_SUCCESSFUL = frozenset(
    {"register", "deregister", "request_code", "verify_code", "settings", ""}
)
_CATEGORIES = frozenset({"MARKETING", "UTILITY", "AUTHENTICATION"})


async def number(state: State, request: web.Request, node: Number, edge: str) -> web.StreamResponse:
    """Answer a path under a phone number id."""
    if (request.method, edge) == ("GET", ""):
        shown = node_fields.number(state.registry, node, request.query.get("fields"))
        return answers.json(shown)
    if edge == "whatsapp_business_profile":
        return await _profile(state, request, node)
    if edge == "block_users":
        return await _block_users(state, request, node)
    if request.method == "POST" and edge in _ALWAYS_SUCCESSFUL:
        return answers.success()
    return _unknown_path(state, edge)


async def waba(state: State, request: web.Request, waba_id: str, edge: str) -> web.StreamResponse:
    """Answer a path under a WhatsApp Business Account id."""
    fields = request.query.get("fields")
    if (request.method, edge) == ("GET", ""):
        return answers.json(node_fields.waba(state.registry, waba_id, fields))
    if (request.method, edge) == ("GET", "phone_numbers"):
        numbers = state.registry.numbers_of(waba_id)
        shown = [node_fields.number(state.registry, each, fields) for each in numbers]
        return answers.json(paging.page(request, shown))
    if edge == "message_templates":
        return await _templates(state, request, waba_id)
    if edge == "subscribed_apps":
        return _subscriptions(state, request, waba_id)
    return _unknown_path(state, edge)


async def _templates(state: State, request: web.Request, waba_id: str) -> web.StreamResponse:
    match request.method:
        case "GET":
            found = _filtered(state.registry.templates_of(waba_id), request)
            fields = request.query.get("fields")
            shown = [node_fields.template(each, fields) for each in found]
            listed = paging.page(request, shown)
            if "summary" in request.query:
                listed["summary"] = _summary(state, waba_id, len(found))
            return answers.json(listed)
        case "POST":
            return await _create_template(state, request, waba_id)
        case "DELETE":
            return _delete_templates(state, request, waba_id)
        case _:
            return _unknown_path(state, "message_templates")


async def template(
    state: State, request: web.Request, node: Template, edge: str
) -> web.StreamResponse:
    """Answer a path under a template id."""
    match request.method, edge:
        case "GET", "":
            return answers.json(node_fields.template(node, request.query.get("fields")))
        case "POST", "":
            return await _edit_template(state, request, node)
        case "POST", "unpause":
            return _unpause(state, node)
        case _:
            return _unknown_path(state, edge)


def plain(
    state: State, request: web.Request, node: access.Portfolio | access.App, edge: str
) -> web.StreamResponse:
    """Answer for a portfolio or the app, of which little is known."""
    if request.method == "POST" and edge == "subscriptions":
        return answers.success()
    if request.method != "GET" or edge:
        return _unknown_path(state, edge)
    shown: dict[str, Any] = {"id": node.id, "name": f"Example {node.id}"}
    if isinstance(node, access.Portfolio):
        limit = updates.tier(state.registry.portfolio_limits[node.id])
        shown["whatsapp_business_manager_messaging_limit"] = limit
    return answers.json(shown)


def debug_token(state: State, request: web.Request) -> web.StreamResponse:
    """Describe a token: valid for ever or not valid at all (R§1.1)."""
    is_valid = request.query.get("input_token") in state.registry.tokens
    data = {
        "app_id": state.world.app_id,
        "type": "SYSTEM_USER",
        "is_valid": is_valid,
        "expires_at": 0,
        "scopes": ["whatsapp_business_management", "whatsapp_business_messaging"],
    }
    return answers.json({"data": data})


async def _body(request: web.Request) -> dict[str, Any] | Refusal:
    try:
        data = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        return Refusal(100, "The body is not valid JSON.")
    return data if isinstance(data, dict) else Refusal(100, "The body must be a JSON object.")


async def _profile(state: State, request: web.Request, node: Number) -> web.StreamResponse:
    if request.method == "GET":
        shown = {"messaging_product": "whatsapp", "vertical": "OTHER"} | node.profile
        return answers.json({"data": [shown]})
    data = await _body(request)
    if isinstance(data, Refusal):
        return answers.refusal(state, data)
    node.profile.update({k: v for k, v in data.items() if k != "messaging_product"})
    return answers.success()


async def _block_users(state: State, request: web.Request, node: Number) -> web.StreamResponse:
    """List, add to or take from the block list. Source: BLOCK, 27 Oct 2025 (R§1.1)."""
    if request.method == "GET":
        blocked = [
            {"messaging_product": "whatsapp", "input": given, "wa_id": user}
            for user, given in node.blocked_users.items()
        ]
        return answers.json(paging.page(request, blocked))
    data = await _body(request)
    if isinstance(data, Refusal):
        return answers.refusal(state, data)
    listed = data.get("block_users")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        return answers.refusal(state, Refusal(131008, "block_users must be a list of users."))
    changed = []
    for each in listed:
        user = _listed_user(node, each)
        if user is None:
            return answers.refusal(state, Refusal(131009, "block_users names no known user."))
        given = str(each.get("user") or each.get("user_id"))
        if request.method == "POST":
            node.blocked_users[user] = given
        else:
            node.blocked_users.pop(user, None)
        changed.append({"input": given, "wa_id" if "user" in each else "user_id": user})
    name = "added_users" if request.method == "POST" else "removed_users"
    return answers.json({"messaging_product": "whatsapp", "block_users": {name: changed}})


def _listed_user(node: Number, listed: dict[str, Any]) -> str | None:
    if "user" in listed:
        return identity.wa_id_of(str(listed["user"]), node.calling_code)
    given = str(listed.get("user_id"))
    return identity.phone_of_bsuid(given, node.scope) or given


def _summary(state: State, waba_id: str, found: int) -> dict[str, Any]:
    """Count templates; 250 may be had by an account. Source: TOVR, 21 May 2026 (R§6.4)."""
    return {
        "total_count": found,
        "message_template_count": len(state.registry.templates_of(waba_id)),
        "message_template_limit": 250,
        "are_translations_complete": True,
    }


def _filtered(templates: list[Template], request: web.Request) -> list[Template]:
    query = request.query
    found = [each for each in templates if query.get("name", "") in each.name]
    for field in ("status", "category", "language"):
        wanted = query.get(field)
        if wanted is not None:
            found = [each for each in found if getattr(each, field) == wanted]
    return found


async def _create_template(state: State, request: web.Request, waba_id: str) -> web.StreamResponse:
    data = await _body(request)
    if isinstance(data, Refusal):
        return answers.refusal(state, data)
    missing = [key for key in ("name", "language", "category") if not data.get(key)]
    if missing:
        return answers.refusal(state, Refusal(100, f"The parameter {missing[0]} is required."))
    category = str(data["category"]).upper()
    if category not in _CATEGORIES:
        return answers.refusal(state, Refusal(100, f"The category {category} does not exist."))
    if state.registry.template(waba_id, str(data["name"]), str(data["language"])) is not None:
        text = "Content in this language already exists"
        return answers.refusal(state, Refusal(100, text, subcode=2388024, message=text))
    made = Template(
        id=state.new_numeric_id(),
        waba_id=waba_id,
        name=str(data["name"]),
        language=str(data["language"]),
        category=category,
        status="APPROVED",
        components=list(data.get("components") or []),
        parameter_format=str(data.get("parameter_format", "POSITIONAL")).upper(),
    )
    state.registry.add_template(made)
    state.sender.post(updates.template_status(made, "APPROVED", None, state.now()))
    return answers.json({"id": made.id, "status": made.status, "category": made.category})


async def _edit_template(state: State, request: web.Request, node: Template) -> web.StreamResponse:
    """Edit a template; here the review that follows is passed at once (PAUSE, R§6.4)."""
    data = await _body(request)
    if isinstance(data, Refusal):
        return answers.refusal(state, data)
    category = str(data.get("category", node.category)).upper()
    if category not in _CATEGORIES:
        return answers.refusal(state, Refusal(100, f"The category {category} does not exist."))
    node.category = category
    node.components = list(data.get("components") or node.components)
    if node.status != "APPROVED":
        node.status = "APPROVED"
        state.sender.post(updates.template_status(node, "APPROVED", None, state.now()))
    return answers.json({"success": True, "id": node.id, "name": node.name})


def _unpause(state: State, node: Template) -> web.StreamResponse:
    if node.status != "PAUSED":
        return answers.json({"success": False, "reason": "The template is not paused."})
    node.status = "APPROVED"
    state.sender.post(updates.template_status(node, "APPROVED", "UNPAUSE", state.now()))
    return answers.success()


def _delete_templates(state: State, request: web.Request, waba_id: str) -> web.StreamResponse:
    name = request.query.get("name")
    wanted_id = request.query.get("hsm_id")
    doomed = [
        each
        for each in state.registry.templates_of(waba_id)
        if each.name == name and wanted_id in {None, each.id}
    ]
    if not doomed:
        return answers.refusal(state, unknown_object(wanted_id or str(name)))
    for each in doomed:
        state.registry.remove_template(each)
    return answers.success()


def _subscriptions(state: State, request: web.Request, waba_id: str) -> web.StreamResponse:
    match request.method:
        case "POST":
            state.registry.subscribed.add(waba_id)
            return answers.success()
        case "DELETE":
            state.registry.subscribed.discard(waba_id)
            return answers.success()
        case _:
            app = {"id": state.world.app_id, "name": "Example App", "link": "https://example.com/"}
            is_there = waba_id in state.registry.subscribed
            return answers.json({"data": [{"whatsapp_business_api_data": app}] if is_there else []})


def _unknown_path(state: State, edge: str) -> web.StreamResponse:
    text = f"Unknown path components: /{edge}"
    return answers.refusal(state, Refusal(2500, text, message=text))
