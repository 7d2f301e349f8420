"""The admin API's apps: who may send, with what they authenticate, how they want to wait."""

import secrets
from dataclasses import replace
from typing import Any, Final

from aiohttp import web
from yarl import URL

from gateway.outbound.standard_webhooks import SECRET_BYTES, key_of, secret_of
from gateway.store import apps, callbacks
from gateway.store.apps import App, Credential
from gateway.store.directory import credential_hash
from gateway.web import schemas
from gateway.web.admin import AdminParts, BadRequestError, Route, problem, read_body, reply
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
        app, shown = _changed(parts, await apps.get(connection, body.app_id) or fresh, given)
        await _put(connection, app, parts)
    await parts.changed()
    return reply(_view(app) | shown | ({} if body.meta_token else {"key": key}))


async def change_app(parts: AdminParts, request: web.Request) -> web.Response:
    """Change what is given of an app; its key stays."""
    body = await read_body(request, schemas.AppPatch)
    app_id = request.match_info["id"]
    async with parts.database.transaction() as connection:
        known = await apps.get(connection, app_id)
        if known is None:
            return problem(404, f"unknown: {app_id}")
        app, shown = _changed(parts, known, body.given())
        await _put(connection, app, parts)
    await parts.changed()
    return reply(_view(app) | shown)


async def _put(connection: Any, app: App, parts: AdminParts) -> None:
    await apps.put(connection, app, parts.clock.now())
    if app.callback_url is None:
        await callbacks.drop(connection, app.app_id)


def _changed(parts: AdminParts, app: App, given: dict[str, Any]) -> tuple[App, dict[str, str]]:
    """Return an app with what is given, and what is shown this once: a secret that was made up."""
    secret, shown = given.pop("callback_secret", None), {}
    app = replace(app, **given)
    if app.callback_url is None:
        return replace(app, sealed_callback_secret=None), {}
    if not (app.callback_url.startswith("https://") or _stays_here(app.callback_url, parts)):
        raise BadRequestError("callback_url: must be https, for it tells of people's messages")
    if secret is None and app.sealed_callback_secret is None:
        secret = secret_of(secrets.token_bytes(SECRET_BYTES))
        shown = {"callback_secret": secret}
    if secret is not None:
        try:
            key_of(secret)
        except ValueError as error:
            raise BadRequestError(f"callback_secret: {error}") from None
        app = replace(app, sealed_callback_secret=parts.vault.seal(secret))
    return app, shown


def _stays_here(url: str, parts: AdminParts) -> bool:
    """Tell whether what is sent to a URL stays on this machine, or is a sandbox's."""
    return parts.advance_clock is not None or URL(url).host in {"localhost", "127.0.0.1", "::1"}


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
        "callback_url": app.callback_url,
    }


ROUTES: Final = (
    Route("GET", "/apps", list_apps),
    Route("POST", "/apps", put_app),
    Route("PATCH", "/apps/{id}", change_app),
)
