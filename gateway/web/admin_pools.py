"""The admin API's pools: what is used and left of their limits, and how they are set."""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson
from aiohttp import web

from gateway.store import numbers, pools, quota
from gateway.store.pools import LimitSource, PoolChange, PoolSettings
from gateway.web import schemas, views
from gateway.web.admin import AdminParts, BadRequestError, Route, read_body, reply
from gateway.web.turning import PoolPatch, ReservesError, check_shares, laid_over
from gateway.whatsapp.ids import PoolId
from gateway.whatsapp.number import UNLIMITED, Regime


async def list_pools(parts: AdminParts, _request: web.Request) -> web.Response:
    """List every pool with what is used and left of it."""
    async with parts.database.connection() as connection:
        rows = await pools.get_all(connection)
        shown = [await _view(parts, connection, row) for row in rows]
    return reply({"pools": shown})


async def show_pool(parts: AdminParts, request: web.Request) -> web.Response:
    """Show one pool: limit, counted, remaining, who has what of it, and a forecast by hour."""
    async with parts.database.connection() as connection:
        row = await pools.get(connection, PoolId(request.match_info["id"]))
        view = await _view(parts, connection, row)
        rows = await numbers.get_all(connection)
    now = parts.clock.now()
    view["numbers"] = [
        views.number_view(found, parts.knobs, now)
        for found in rows
        if found.facts.pool_id == view["pool_id"]
    ]
    return reply(view)


async def put_pool(parts: AdminParts, request: web.Request) -> web.Response:
    """Add a pool, or change its regime, limit or headroom."""
    body = await read_body(request, schemas.PoolBody)
    pool_id = PoolId(request.match_info["id"])
    if not re.fullmatch(schemas.ID, pool_id):
        raise BadRequestError(f"id: must match {schemas.ID}")
    settings = PoolSettings(
        pool_id, Regime(body.regime), body.messaging_limit or UNLIMITED, body.headroom
    )
    async with parts.database.transaction() as connection:
        await quota.touch(connection, [pool_id])
        await pools.put(connection, settings, parts.clock.now(), LimitSource.OPERATOR)
        view = await _view(parts, connection, await pools.get(connection, pool_id))
    await parts.changed()
    return reply(view)


async def change_pool(parts: AdminParts, request: web.Request) -> web.Response:
    """Change what is given of a pool, turn its knobs, divide it anew."""
    given = (await read_body(request, PoolPatch)).given()
    pool_id = PoolId(request.match_info["id"])
    async with parts.database.transaction() as connection:
        await quota.touch(connection, [pool_id])
        wanted = _change(await pools.get(connection, pool_id), given)
        await pools.change(connection, pool_id, wanted, parts.clock.now())
        view = await _view(parts, connection, await pools.get(connection, pool_id))
    await parts.changed()
    return reply(view)


def _change(row: Mapping[str, Any], given: dict[str, Any]) -> PoolChange:
    """Return what is given as the store takes it; BadRequestError when too much is reserved."""
    for name in {"knobs", "shares"} & given.keys():
        given[name] = laid_over(orjson.loads(row[name]), given[name])
    try:
        check_shares(given.get("shares", {}))
    except ReservesError as error:
        raise BadRequestError(str(error)) from None
    if "messaging_limit" in given:
        given["messaging_limit"] = given["messaging_limit"] or UNLIMITED
    return PoolChange(**given)


async def _view(parts: AdminParts, connection: Any, row: Any) -> dict[str, Any]:
    now, pool_id = parts.clock.now(), row["pool_id"]
    window = parts.knobs.limit_window
    counted = await quota.counted(connection, pool_id, now - window)
    forecast = await quota.forecast(connection, pool_id, now, window)
    usage = await pools.usage(connection, pool_id)
    return views.pool_view(row, usage, counted) | views.forecast_view(forecast, now)


ROUTES: Final = (
    Route("GET", "/pools", list_pools),
    Route("GET", "/pools/{id}", show_pool),
    Route("POST", "/pools/{id}", put_pool),
    Route("PATCH", "/pools/{id}", change_pool),
)
