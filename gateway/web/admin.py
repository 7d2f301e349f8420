"""The frame of the admin API: who may ask, what leads where, and how bodies and answers look.

Each room (`admin_numbers`, `admin_pools`, …) has a table `ROUTES` of its handlers; every answer is
JSON.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.clock import Clock
from gateway.policy.knobs import Knobs
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError, UnknownNumberError, UnknownPoolError
from gateway.store.vault import Vault
from gateway.web.auth import is_admin

Body = TypeVar("Body", bound=BaseModel)


class BadRequestError(Exception):
    """What was asked cannot be understood; the message names the field."""


@dataclass(frozen=True, slots=True)
class AdminParts:
    """What the admin API works with; `changed` hears of every change to numbers and apps."""

    database: Database
    clock: Clock
    knobs: Knobs
    vault: Vault
    admin_key: str | None
    changed: Callable[[], Awaitable[None]]
    advance_clock: Callable[[float], Awaitable[None]] | None


Handler = Callable[[AdminParts, web.Request], Awaitable[web.StreamResponse]]


class Route(NamedTuple):
    """One path below `/admin/v1`, and what answers there."""

    method: str
    path: str
    handler: Handler


class Admin:
    """Everything below `/admin/v1`."""

    def __init__(self, parts: AdminParts, routes: Iterable[Route]) -> None:
        self._parts = parts
        self._routes = tuple(routes)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add every path; what is none of them is answered with 404."""
        for method, path, handler in (*self._routes, Route("*", "/{path:.*}", nowhere)):
            router.add_route(method, f"/admin/v1{path}", self._guarded(handler))

    def _guarded(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not is_admin(request, self._parts.admin_key):
                return problem(401, "the admin key is required: `Authorization: Bearer <key>`")
            try:
                _refuse_nul(request)
                return await handler(self._parts, request)
            except BadRequestError as error:
                return problem(400, str(error))
            except (UnknownPoolError, UnknownNumberError) as error:
                return problem(404, f"unknown: {error}")
            except web.HTTPRequestEntityTooLarge:
                return problem(413, "the body is too large")
            except StoreUnavailableError:
                return problem(503, "the database is away", {"Retry-After": "5"})

        return guarded


async def nowhere(_parts: AdminParts, request: web.Request) -> web.Response:
    """Answer 404 for what is no path of the API, or another method on one."""
    return problem(404, f"there is no {request.method} {request.path}")


async def read_body(request: web.Request, model: type[Body]) -> Body:
    """Read and check a JSON body; BadRequestError names the first field that is wrong."""
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise wrong(error) from None


def wrong(error: ValidationError) -> BadRequestError:
    """Name the first field that is wrong."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ".".join(str(step) for step in first["loc"]) or "body"
    return BadRequestError(f"{path}: {first['msg']}")


def reply(content: Any, status: int = 200) -> web.Response:
    """Return JSON; instants as ISO 8601 in UTC."""
    return web.Response(
        status=status,
        body=orjson.dumps(content, option=orjson.OPT_UTC_Z),
        content_type="application/json",
    )


def problem(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """Return an error of the admin API."""
    response = reply({"error": {"message": message}}, status)
    response.headers.update(headers or {})
    return response


def _refuse_nul(request: web.Request) -> None:
    """Refuse the one character that PostgreSQL cannot keep or look for."""
    if any("\0" in text for text in (request.path, *request.query.values())):
        raise BadRequestError("a NUL character cannot be asked for")
