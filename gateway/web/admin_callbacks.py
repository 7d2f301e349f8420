"""The admin API's callbacks: which events apps are owed, and another try of what was given up."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gateway.store import callbacks
from gateway.web import schemas
from gateway.web.admin import AdminParts, BadRequestError, Route, read_body, reply
from gateway.web.admin_journal import PAGE, read_limit

GAVE_UP: Final = {None: None, "true": True, "false": False}


async def list_callbacks(parts: AdminParts, request: web.Request) -> web.Response:
    """Count what apps are owed, and show the oldest; `app_id` and `gave_up` narrow it down."""
    query = request.query
    if unknown := set(query) - {"app_id", "gave_up", "limit"}:
        raise BadRequestError(f"{min(unknown)}: no such filter")
    if query.get("gave_up") not in GAVE_UP:
        raise BadRequestError("gave_up: must be true or false")
    gave_up = GAVE_UP[query.get("gave_up")]
    limit = read_limit(query.get("limit", str(PAGE)))
    async with parts.database.connection() as connection:
        counts = await callbacks.count(connection)
        rows = await callbacks.page(connection, query.get("app_id"), limit, gave_up=gave_up)
    return reply({"counts": [dict(row) for row in counts], "callbacks": [_view(r) for r in rows]})


async def redrive(parts: AdminParts, request: web.Request) -> web.Response:
    """Try again what was given up."""
    body = await read_body(request, schemas.RedriveBody)
    async with parts.database.connection() as connection:
        count = await callbacks.redrive(connection, body.app_id, parts.clock.now())
    return reply({"affected": count})


def _view(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "message_id": row["message_id"].hex, "event_id": str(row["event_id"])}


ROUTES: Final = (
    Route("GET", "/callbacks", list_callbacks),
    Route("POST", "/callbacks/redrive", redrive),
)
