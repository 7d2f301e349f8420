"""The admin API's apps: who may send, and with what they authenticate."""

import secrets
from typing import Final

from aiohttp import web

from gateway.store import apps
from gateway.store.apps import App, Credential
from gateway.store.directory import credential_hash
from gateway.web import schemas
from gateway.web.admin import AdminParts, Route, read_body, reply
from gateway.web.auth import KEY_PREFIX


async def put_app(parts: AdminParts, request: web.Request) -> web.Response:
    """Add an app or give it another key; the key is shown this once."""
    body = await read_body(request, schemas.AppBody)
    key = body.meta_token or KEY_PREFIX + secrets.token_urlsafe(32)
    credential = Credential.META_TOKEN if body.meta_token else Credential.GATEWAY_KEY
    app = App(body.app_id, body.name, credential_hash(key), credential)
    async with parts.database.connection() as connection:
        await apps.put(connection, app, parts.clock.now())
    await parts.changed()
    shown = {"app_id": app.app_id, "name": app.name, "credential": credential}
    return reply(shown | ({} if body.meta_token else {"key": key}))


ROUTES: Final = (Route("POST", "/apps", put_app),)
