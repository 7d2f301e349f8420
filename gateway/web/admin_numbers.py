"""The admin API's numbers: listed, shown, added, changed."""

from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from gateway.store import apps, numbers, pools, quota
from gateway.store.errors import UnknownNumberError
from gateway.store.numbers import NumberRow, NumberSettings
from gateway.web import schemas, views
from gateway.web.admin import AdminParts, Route, read_body, reply
from gateway.web.turning import NumberPatch, laid_over
from gateway.whatsapp.ids import PhoneNumberId, PoolId, WabaId


async def list_numbers(parts: AdminParts, _request: web.Request) -> web.Response:
    """List every number with its status, rating, clocks and limit."""
    now = parts.clock.now()
    async with parts.database.connection() as connection:
        rows = await numbers.get_all(connection)
    return reply({"numbers": [views.number_view(row, parts.knobs, now) for row in rows]})


async def show_number(parts: AdminParts, request: web.Request) -> web.Response:
    """Show one number with what it has started lately and the restrictions of its account."""
    now = parts.clock.now()
    async with parts.database.connection() as connection:
        row = await numbers.get(connection, PhoneNumberId(request.match_info["id"]))
        restrictions = await numbers.restrictions(connection, row.facts.waba_id)
        used = await numbers.used(connection, row.facts, now)
    view = views.number_view(row, parts.knobs, now)
    view["activity"]["used"] = used._asdict()
    view["restrictions"] = [
        {"type": found["restriction_type"], "until": found["restricted_until"]}
        for found in restrictions
        if found["restricted_until"] is None or found["restricted_until"] > now
    ]
    return reply(view)


async def put_number(parts: AdminParts, request: web.Request) -> web.Response:
    """Add a number, or change where it belongs."""
    body = await read_body(request, schemas.NumberBody)
    now = parts.clock.now()
    settings = NumberSettings(
        PhoneNumberId(body.phone_number_id),
        PoolId(body.pool_id),
        WabaId(body.waba_id),
        body.display_phone_number,
        body.throughput,
        now if body.is_new else None,
    )
    async with parts.database.transaction() as connection:
        await pools.get(connection, settings.pool_id)
        await quota.touch(connection, await _pools_touched(connection, settings))
        await numbers.put(connection, settings, now)
        if body.access_token is not None:
            sealed = parts.vault.seal(body.access_token)
            await apps.put_token(connection, settings.waba_id, sealed)
        row = await numbers.get(connection, settings.phone_number_id)
    await parts.changed()
    return reply(views.number_view(row, parts.knobs, now))


async def change_number(parts: AdminParts, request: web.Request) -> web.Response:
    """Change what is given of a number, and turn its knobs."""
    given = (await read_body(request, NumberPatch)).given()
    now, phone_number_id = parts.clock.now(), PhoneNumberId(request.match_info["id"])
    async with parts.database.transaction() as connection:
        pool_id = (await numbers.get(connection, phone_number_id)).facts.pool_id
        await quota.touch(connection, [pool_id])
        before = await numbers.get(connection, phone_number_id)
        knobs = laid_over(before.knobs, given.pop("knobs", {}))
        await numbers.put(connection, replace(_settings(before), **given), now)
        await numbers.turn(connection, phone_number_id, knobs)
        row = await numbers.get(connection, phone_number_id)
    await parts.changed()
    return reply(views.number_view(row, parts.knobs, now))


def _settings(row: NumberRow) -> NumberSettings:
    facts = row.facts
    return NumberSettings(
        facts.phone_number_id,
        facts.pool_id,
        facts.waba_id,
        row.display_phone_number,
        row.throughput,
    )


async def _pools_touched(connection: Any, settings: NumberSettings) -> list[PoolId]:
    try:
        before = (await numbers.get(connection, settings.phone_number_id)).facts.pool_id
    except UnknownNumberError:
        before = settings.pool_id
    return sorted({before, settings.pool_id})


ROUTES: Final = (
    Route("GET", "/numbers", list_numbers),
    Route("POST", "/numbers", put_number),
    Route("GET", "/numbers/{id}", show_number),
    Route("PATCH", "/numbers/{id}", change_number),
)
