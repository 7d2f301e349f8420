"""Lists, creates, edits, deletes and unpauses templates.

Source: TMAN, 2 Jul 2026; PAUSE, 22 Oct 2025; PACE, 21 May 2026 (R§1.1, R§6.4).
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.emulator.errors import Refusal, unknown_object
from gateway.emulator.graph import answers, edges, node_fields, paging, template_quota
from gateway.emulator.graph.access import Waba
from gateway.emulator.graph.edges import SUCCESS, Deed, Done
from gateway.emulator.life import templates
from gateway.emulator.registry import Template
from gateway.emulator.rules import template_definition
from gateway.emulator.rules.template_definition import Definition, refused
from gateway.emulator.state import State

EDGE = "message_templates"
_EDITABLE = frozenset({"APPROVED", "PAUSED", "REJECTED"})


async def of_account(state: State, request: web.Request, node: Waba) -> web.StreamResponse:
    """Answer `/{WABA}/message_templates`."""
    if request.method != "GET":
        return await edges.answer(state, request, (node, node.id, EDGE), _OF_ACCOUNT)
    found = _filtered(state.registry.templates_of(node.id), request)
    fields = request.query.get("fields")
    listed = paging.page(request, [node_fields.template(each, fields) for each in found])
    if "summary" in request.query:
        listed["summary"] = _summary(state, node.id, len(found))
    return answers.json(listed)


async def answer(
    state: State, request: web.Request, node: Template, edge: str
) -> web.StreamResponse:
    """Answer a path under a template id."""
    return await edges.answer(state, request, (node, node.id, edge), _OF_TEMPLATE)


def _filtered(found: list[Template], request: web.Request) -> list[Template]:
    query = request.query
    found = [each for each in found if query.get("name", "") in each.name]
    for field in ("status", "category", "language"):
        wanted = query.get(field)
        if wanted is not None:
            found = [each for each in found if getattr(each, field) == wanted]
    return found


def _summary(state: State, waba_id: str, found: int) -> dict[str, Any]:
    return {
        "total_count": found,
        "message_template_count": len(state.registry.templates_of(waba_id)),
        "message_template_limit": template_quota.limit_of(state.registry, waba_id),
        "are_translations_complete": True,
    }


def _create(state: State, node: Waba, given: dict[str, Any]) -> Done:
    wanted = template_definition.read(given)
    if isinstance(wanted, Refusal):
        return wanted
    now = state.now()
    key = node.id, wanted.name, wanted.language
    problem = state.template_quota.creation_problem(state.registry, key, now)
    if problem is not None:
        return problem
    state.template_quota.created(node.id, now)
    made = _made(state, node.id, wanted)
    state.registry.add_template(made)
    templates.review(state, made, now)
    return {"id": made.id, "status": made.status, "category": made.category}


def _made(state: State, waba_id: str, wanted: Definition) -> Template:
    return Template(
        id=state.new_numeric_id(),
        waba_id=waba_id,
        name=wanted.name,
        language=wanted.language,
        category=wanted.category,
        status="PENDING",
        components=wanted.components,
        parameter_format=wanted.parameter_format,
        message_send_ttl_seconds=wanted.message_send_ttl_seconds,
    )


def _show(_: State, node: Template, given: dict[str, Any]) -> Done:
    return node_fields.template(node, given.get("fields"))


def _edit(state: State, node: Template, given: dict[str, Any]) -> Done:
    """Edit a template; one that is not APPROVED goes through a review again (PAUSE, R§6.4)."""
    now = state.now()
    wanted = template_definition.read(_present(node) | given | _fixed(node))
    if isinstance(wanted, Refusal):
        return wanted
    problem = _edit_problem(state, node, now)
    if problem is not None:
        return problem
    node.category = wanted.category
    node.components = wanted.components
    node.parameter_format = wanted.parameter_format
    node.message_send_ttl_seconds = wanted.message_send_ttl_seconds
    if node.status == "APPROVED":
        state.template_quota.edited(node, now)
    else:
        templates.set_status(state, node, "PENDING", now, "it was edited")
        templates.review(state, node, now)
    return SUCCESS | {"id": node.id, "name": node.name}


def _present(node: Template) -> dict[str, Any]:
    return {
        "category": node.category,
        "components": node.components,
        "parameter_format": node.parameter_format,
        "message_send_ttl_seconds": node.message_send_ttl_seconds,
    }


def _fixed(node: Template) -> dict[str, Any]:
    return {"name": node.name, "language": node.language}


def _edit_problem(state: State, node: Template, now: float) -> Refusal | None:
    if node.status not in _EDITABLE:
        text = f"A template that is {node.status} cannot be edited."
        return refused("Template cannot be edited", text)
    return state.template_quota.edit_problem(node, now) if node.status == "APPROVED" else None


def _unpause(state: State, node: Template, _: dict[str, Any]) -> Done:
    if node.status != "PAUSED":
        return {"success": False, "reason": "The template is not paused."}
    templates.set_status(state, node, "APPROVED", state.now(), "unpaused by hand")
    return SUCCESS


def _delete(state: State, node: Waba, given: dict[str, Any]) -> Done:
    """Delete all languages of a name, or the one with the id `hsm_id`."""
    name, wanted_id = given.get("name"), given.get("hsm_id")
    doomed = [
        each
        for each in state.registry.templates_of(node.id)
        if each.name == name and wanted_id in (None, each.id)
    ]
    if not doomed:
        return unknown_object(str(wanted_id or name), "DELETE")
    now = state.now()
    for each in doomed:
        state.registry.remove_template(each)
        state.template_quota.reserve(each, now, in_all_languages=wanted_id is None)
        templates.set_status(state, each, "DELETED", now)
    return SUCCESS


_OF_ACCOUNT: Mapping[str, Mapping[str, Deed[Waba]]] = {EDGE: {"POST": _create, "DELETE": _delete}}
_OF_TEMPLATE: Mapping[str, Mapping[str, Deed[Template]]] = {
    "": {"GET": _show, "POST": _edit},
    "unpause": {"POST": _unpause},
}
