"""Steers the emulator and tells what it saw, under `/_emulator/`."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.emulator.clock import iso
from gateway.emulator.graph import answers
from gateway.emulator.graph.faults import Fault
from gateway.emulator.journal import Sighting, Violation
from gateway.emulator.knobs import Knobs
from gateway.emulator.life import events
from gateway.emulator.state import State
from gateway.emulator.steering import bodies, snapshot

PREFIX = "/_emulator"
_DEFAULT_FLUSH_S = 10.0
_Body = TypeVar("_Body", bound=BaseModel)
_Handler = Callable[[State, web.Request], Awaitable[Any]]


class BadSteering(Exception):  # noqa: N818 - named after what happened
    """The steering request makes no sense; says why in one sentence."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


def routes(state: State) -> list[web.RouteDef]:
    """List the routes of the steering interface."""
    return [
        web.route(method, PREFIX + path, _answering(state, handler))
        for (method, path), handler in _HANDLERS.items()
    ]


def _answering(
    state: State, handler: _Handler
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        state.now()
        try:
            return answers.json(await handler(state, request))
        except BadSteering as error:
            return answers.json({"error": str(error)}, error.status)
        except LookupError as error:
            return answers.json({"error": str(error.args[0])}, 404)

    return answer


async def _read(request: web.Request, model: type[_Body]) -> _Body:
    try:
        return model.model_validate(_object(await request.read()))
    except ValidationError as error:
        raise BadSteering(_first_problem(error)) from error


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise BadSteering("body: not valid JSON") from error
    if not isinstance(data, dict):
        raise BadSteering("body: must be a JSON object")
    return data


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{field}: {first['msg']}"


async def _state(state: State, _: web.Request) -> Any:
    return snapshot.of(state)


async def _sends(state: State, request: web.Request) -> Any:
    query = request.query
    since = _since(query.get("since"))
    found: Iterable[Sighting] = (
        each
        for each in state.journal.sends
        if query.get("phone_number_id") in {None, each.phone_number_id}
        and query.get("user") in {None, each.user}
        and (since is None or each.at >= since)
    )
    return _limited([each.as_json() for each in found], query.get("limit"))


async def _violations(state: State, request: web.Request) -> Any:
    query = request.query
    found: Iterable[Violation] = (
        each
        for each in state.journal.violations
        if query.get("phone_number_id") in {None, each.phone_number_id}
        and query.get("rule") in {None, each.rule}
    )
    return _limited([each.as_json() for each in found], query.get("limit"))


def _since(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))  # a bare + in a query reads as a space
    except ValueError as error:
        raise BadSteering("since: must be ISO-8601") from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _limited(rows: list[dict[str, Any]], limit: str | None) -> list[dict[str, Any]]:
    """Keep the latest `limit` rows."""
    if limit is None:
        return rows
    if not limit.isdecimal():
        raise BadSteering("limit: must be a whole number")
    return rows[len(rows) - min(int(limit), len(rows)) :]


async def _clear_sends(state: State, _: web.Request) -> Any:
    state.journal.forget_sends()
    return {"success": True}


async def _clear_violations(state: State, _: web.Request) -> Any:
    state.journal.forget_violations()
    return {"success": True}


async def _inbound(state: State, request: web.Request) -> Any:
    body = await _read(request, bodies.Inbound)
    try:
        return {"wamid": events.user_writes(state, body)}
    except ValueError as error:
        raise BadSteering(str(error)) from error


async def _number(state: State, request: web.Request) -> Any:
    body = await _read(request, bodies.NumberChange)
    number = events.number_of(state, request.match_info["id"])
    events.change_number(state, number, body)
    return snapshot.number(state, number)


async def _template(state: State, request: web.Request) -> Any:
    body = await _read(request, bodies.TemplateChange)
    changed = events.change_templates(state, request.match_info["name"], body)
    return {"templates": [snapshot.template(each) for each in changed]}


async def _restrict(state: State, request: web.Request) -> Any:
    body = await _read(request, bodies.NewRestriction)
    return {"expiration": int(events.restrict_account(state, body))}


async def _unrestrict(state: State, request: web.Request) -> Any:
    waba_id = request.query.get("waba_id")
    kept = [each for each in state.registry.restrictions if waba_id not in {None, each.waba_id}]
    lifted = len(state.registry.restrictions) - len(kept)
    state.registry.restrictions = kept
    return {"lifted": lifted}


async def _prefer(state: State, request: web.Request) -> Any:
    try:
        events.user_prefers(state, await _read(request, bodies.Preference))
    except ValueError as error:
        raise BadSteering(str(error)) from error
    return {"success": True}


async def _arm(state: State, request: web.Request) -> Any:
    return {"id": state.faults.arm(await _read(request, Fault))}


async def _armed(state: State, _: web.Request) -> Any:
    return [
        {"id": fault_id, **fault.model_dump(), "left": left}
        for fault_id, fault, left in state.faults.armed()
    ]


async def _disarm(state: State, _: web.Request) -> Any:
    state.faults.disarm_all()
    return {"success": True}


async def _advance(state: State, request: web.Request) -> Any:
    body = await _read(request, bodies.ClockChange)
    state.clock.advance(body.advance_s)
    now = state.now()
    state.sender.wake()
    return {"now": iso(now)}


async def _flush(state: State, request: web.Request) -> Any:
    text = request.query.get("timeout_s", str(_DEFAULT_FLUSH_S))
    try:
        timeout_s = float(text)
    except ValueError as error:
        raise BadSteering("timeout_s: must be a number") from error
    return {"pending": await state.sender.flush(timeout_s)}


async def _webhook_url(state: State, request: web.Request) -> Any:
    body = await _read(request, bodies.WebhookUrl)
    if body.verify and body.url is not None:
        token = state.world.verify_token
        if not await state.sender.is_verified(body.url, token, state.new_trace_id()):
            raise BadSteering("url: the receiver did not answer the verification")
    state.sender.url = body.url
    if body.url is None:
        state.sender.forget()
    state.sender.wake()
    return {"url": body.url}


async def _turn(state: State, request: web.Request) -> Any:
    data = _object(await request.read())
    try:
        turned = Knobs.model_validate(state.knobs.model_dump() | data)
    except ValidationError as error:
        raise BadSteering(_first_problem(error)) from error
    for name in data:
        setattr(state.knobs, name, getattr(turned, name))
    state.sender.wake()
    return state.knobs.model_dump()


_HANDLERS: dict[tuple[str, str], _Handler] = {
    ("GET", "/state"): _state,
    ("GET", "/sends"): _sends,
    ("DELETE", "/sends"): _clear_sends,
    ("GET", "/violations"): _violations,
    ("DELETE", "/violations"): _clear_violations,
    ("POST", "/inbound"): _inbound,
    ("POST", "/numbers/{id}"): _number,
    ("POST", "/templates/{name}"): _template,
    ("POST", "/restrictions"): _restrict,
    ("DELETE", "/restrictions"): _unrestrict,
    ("POST", "/preferences"): _prefer,
    ("POST", "/faults"): _arm,
    ("GET", "/faults"): _armed,
    ("DELETE", "/faults"): _disarm,
    ("POST", "/clock"): _advance,
    ("POST", "/webhooks/flush"): _flush,
    ("POST", "/webhook_url"): _webhook_url,
    ("POST", "/knobs"): _turn,
}
