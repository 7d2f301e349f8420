"""The admin API's apps: who may send, with what they authenticate, how they want to wait."""

import secrets
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from gateway.store import apps
from gateway.store.apps import App, Credential
from gateway.store.directory import credential_hash
from gateway.web import schemas
from gateway.web.admin import AdminParts, Route, problem, read_body, reply
from gateway.web.auth import KEY_PREFIX


async def list_apps(parts: AdminParts, _request: web.Request) -> web.Response:
    """List every app; its key or token is never shown."""
    async with parts.database.connection() as connection:
        known = await apps.get_all(connection)
    return reply({"apps": [_view(app) for app in known]})


async def put_app(parts: AdminParts, request: web.Request) -> web.Response:
    """Add an app or give it another key; the key is shown this once.

    Of an app that is there already, what is not given stays.
    """
    body = await read_body(request, schemas.AppBody)
    key = body.meta_token or KEY_PREFIX + secrets.token_urlsafe(32)
    credential = Credential.META_TOKEN if body.meta_token else Credential.GATEWAY_KEY
    fresh = App(body.app_id, body.name, credential_hash(key), credential)
    given = body.given() | {"key_hash": fresh.key_hash, "credential": credential}
    given.pop("meta_token", None)
    async with parts.database.transaction() as connection:
        app = replace(await apps.get(connection, body.app_id) or fresh, **given)
        await apps.put(connection, app, parts.clock.now())
    await parts.changed()
    return reply(_view(app) | ({} if body.meta_token else {"key": key}))


async def change_app(parts: AdminParts, request: web.Request) -> web.Response:
    """Change what is given of an app; its key stays."""
    body = await read_body(request, schemas.AppPatch)
    app_id = request.match_info["id"]
    async with parts.database.transaction() as connection:
        known = await apps.get(connection, app_id)
        if known is None:
            return problem(404, f"unknown: {app_id}")
        app = replace(known, **body.given())
        await apps.put(connection, app, parts.clock.now())
    await parts.changed()
    return reply(_view(app))


def _view(app: App) -> dict[str, Any]:
    return {
        "app_id": app.app_id,
        "name": app.name,
        "credential": app.credential,
        "wait_s": app.wait_s,
        "joins_retries": app.joins_retries,
        "responds_async": app.responds_async,
        "parks": app.parks,
        "resends": app.resends,
    }


ROUTES: Final = (
    Route("GET", "/apps", list_apps),
    Route("POST", "/apps", put_app),
    Route("PATCH", "/apps/{id}", change_app),
)
