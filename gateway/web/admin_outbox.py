"""The admin API's outbox: what waits, and what operators do to it."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final

from aiohttp import web

from gateway.policy.parcel import ParcelState
from gateway.store import backlog
from gateway.store.backlog import STATES, Deed, ParcelFilter
from gateway.web import schemas
from gateway.web.admin import AdminParts, BadRequestError, Handler, Route, read_body, reply
from gateway.web.admin_journal import PAGE, read_id, read_limit

FILTERS: Final = ("pool_id", "phone_number_id", "app_id", "send_class", "state", "rule")


async def list_parcels(parts: AdminParts, request: web.Request) -> web.Response:
    """Page through the outbox, newest first; `next` is the `before` of the next page."""
    wanted = _filter(request.query, "before", "limit")
    before = request.query.get("before")
    limit = read_limit(request.query.get("limit", str(PAGE)))
    async with parts.database.connection() as connection:
        rows = await backlog.page(
            connection, wanted, read_id(before, "before") if before else None, limit
        )
    page = [_view(row) for row in rows]
    following = page[-1]["message_id"] if len(page) == limit else None
    return reply({"parcels": page, "next": following})


async def count_parcels(parts: AdminParts, request: web.Request) -> web.Response:
    """Count what waits, by number, class, state and rule."""
    tallies = await backlog.count(parts.database, _filter(request.query), parts.clock.now())
    total = sum(tally.parcels for tally in tallies)
    return reply({"total": total, "groups": [tally._asdict() for tally in tallies]})


def _doing(deed: Deed) -> Handler:
    async def do(parts: AdminParts, request: web.Request) -> web.Response:
        body = await read_body(request, schemas.OutboxBody)
        wanted = ParcelFilter(**{name: getattr(body, name) for name in FILTERS})
        until, now = body.expires_at, parts.clock.now()
        if wanted.state is not None and wanted.state not in STATES[deed]:
            raise BadRequestError(f"state: there is nothing to {deed} of what is {wanted.state}")
        if until is not None and (deed is not Deed.REDRIVE or until.astimezone(UTC) <= now):
            raise BadRequestError("expires_at: must be ahead, and is for redrive only")
        if body.preview:
            count = await backlog.preview(parts.database, deed, wanted, now, until)
            return reply({"preview": True, "affected": count, "more": False})
        done = await backlog.do(parts.database, deed, wanted, now, until)
        return reply({"preview": False, **done._asdict()})

    return do


def _filter(query: Mapping[str, str], *others: str) -> ParcelFilter:
    unknown = set(query) - {*FILTERS, *others}
    if unknown:
        raise BadRequestError(f"{min(unknown)}: no such filter")
    given = {name: query.get(name) for name in FILTERS}
    try:
        state = ParcelState(given["state"]) if given["state"] is not None else None
    except ValueError:
        raise BadRequestError(f"state: must be one of {', '.join(ParcelState)}") from None
    return ParcelFilter(**{**given, "state": state})  # type: ignore[arg-type] # just read


def _view(row: Mapping[str, Any]) -> dict[str, Any]:
    view = dict(row)
    claimed = view.pop("leased_until") is not None
    return {**view, "message_id": row["message_id"].hex, "claimed": claimed}


ROUTES: Final = (
    Route("GET", "/outbox", list_parcels),
    Route("GET", "/outbox/count", count_parcels),
    *(Route("POST", f"/outbox/{deed}", _doing(deed)) for deed in Deed),
)
