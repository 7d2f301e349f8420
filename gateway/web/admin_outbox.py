"""The admin API's outbox: what waits, and what operators do to it."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from gateway.store import backlog
from gateway.store.backlog import STATES, Deed, Order, ParcelFilter
from gateway.web import schemas
from gateway.web.admin import AdminParts, BadRequestError, Handler, Route, read_body, reply, wrong
from gateway.web.admin_journal import PAGE, read_id, read_limit

FILTERS: Final = tuple(schemas.OutboxFilter.model_fields)


class Outbox:
    """The paths below `/outbox`; what looks at every parcel takes turns."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        """Return what leads where."""
        return (
            Route("GET", "/outbox", list_parcels),
            Route("GET", "/outbox/count", self.count),
            *(Route("POST", f"/outbox/{deed}", self._doing(deed)) for deed in Deed),
        )

    async def count(self, parts: AdminParts, request: web.Request) -> web.Response:
        """Count what waits, by number, class, state and rule."""
        wanted = _filter(request.query)
        async with self._turn:
            tallies = await backlog.count(parts.database, wanted, parts.clock.now())
        total = sum(tally.parcels for tally in tallies)
        return reply({"total": total, "groups": [tally._asdict() for tally in tallies]})

    def _doing(self, deed: Deed) -> Handler:
        async def do(parts: AdminParts, request: web.Request) -> web.Response:
            body = await read_body(request, schemas.OutboxBody)
            order = _order(deed, body, parts.clock.now())
            if not body.preview:
                done = await backlog.do(parts.database, order)
                return reply({"preview": False, **done._asdict()})
            async with self._turn:
                affected = await backlog.preview(parts.database, order)
            return reply({"preview": True, "affected": affected, "more": False})

        return do


async def list_parcels(parts: AdminParts, request: web.Request) -> web.Response:
    """Page through the outbox, newest first; `next` is the `before` of the next page.

    What a message says is sealed, and shown to nobody.
    """
    query = dict(request.query)
    limit = read_limit(query.pop("limit", str(PAGE)))
    before = query.pop("before", None)
    before_id = None if before is None else read_id(before, "before")
    rows = await backlog.page(parts.database, _filter(query), before_id, limit)
    page = [dict(row) | {"message_id": row["message_id"].hex} for row in rows]
    following = page[-1]["message_id"] if len(page) == limit else None
    return reply({"parcels": page, "next": following})


def _order(deed: Deed, body: schemas.OutboxBody, now: datetime) -> Order:
    if body.state is not None and body.state not in STATES[deed]:
        raise BadRequestError(f"state: there is nothing to {deed} of what is {body.state}")
    if body.expires_at is not None and deed is not Deed.REDRIVE:
        raise BadRequestError("expires_at: is for redrive only")
    if body.expires_at is not None and body.expires_at <= now:
        raise BadRequestError("expires_at: must be ahead")
    return Order(deed, _meant(body), now, body.expires_at)


def _filter(query: Mapping[str, str]) -> ParcelFilter:
    try:
        return _meant(schemas.OutboxFilter.model_validate(dict(query)))
    except ValidationError as error:
        raise wrong(error) from None


def _meant(body: schemas.OutboxFilter) -> ParcelFilter:
    named: dict[str, Any] = {name: getattr(body, name) for name in FILTERS}
    return ParcelFilter(**named)
