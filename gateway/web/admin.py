"""The admin API: what operators ask and change. Every answer is JSON."""

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.clock import Clock
from gateway.policy.knobs import Knobs
from gateway.store import apps, inbox, messages, numbers, pools, quota
from gateway.store.apps import App, Credential
from gateway.store.database import Database
from gateway.store.directory import credential_hash
from gateway.store.errors import StoreUnavailableError, UnknownNumberError, UnknownPoolError
from gateway.store.messages import PageFilter
from gateway.store.numbers import NumberSettings
from gateway.store.pools import LimitSource, PoolSettings
from gateway.store.vault import Vault
from gateway.web import schemas
from gateway.web.auth import KEY_PREFIX, is_admin
from gateway.whatsapp.ids import PhoneNumberId, PoolId, WabaId
from gateway.whatsapp.number import UNLIMITED, Regime

Body = TypeVar("Body", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PAGE: Final = 50
LARGEST_PAGE: Final = 500
LARGEST_ID: Final = 2**63 - 1
FILTERS: Final = ("phone_number_id", "pool_id", "user_id", "state", "decision", "rule")


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


class Admin:
    """The handlers of `/admin/v1/…`."""

    def __init__(self, parts: AdminParts) -> None:
        self._parts = parts

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add every path, the clock in a sandbox only."""
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/numbers", self.list_numbers),
            ("POST", "/numbers", self.put_number),
            ("GET", "/numbers/{id}", self.show_number),
            ("GET", "/pools", self.list_pools),
            ("GET", "/pools/{id}", self.show_pool),
            ("POST", "/pools/{id}", self.put_pool),
            ("GET", "/messages", self.list_messages),
            ("GET", "/messages/{id}", self.show_message),
            ("POST", "/apps", self.put_app),
            ("GET", "/inbox/problems", self.list_problems),
        ]
        if self._parts.advance_clock is not None:
            routes.append(("POST", "/sandbox/clock", self.move_clock))
        for method, path, handler in routes:
            router.add_route(method, f"/admin/v1{path}", self._guarded(handler))
        router.add_route("*", "/admin/v1/{path:.*}", self._guarded(self.nowhere))

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not is_admin(request, self._parts.admin_key):
                return problem(401, "the admin key is required: `Authorization: Bearer <key>`")
            try:
                _refuse_nul(request)
                return await handler(request)
            except BadRequestError as error:
                return problem(400, str(error))
            except (UnknownPoolError, UnknownNumberError) as error:
                return problem(404, f"unknown: {error}")
            except web.HTTPRequestEntityTooLarge:
                return problem(413, "the body is too large")
            except StoreUnavailableError:
                return problem(503, "the database is away", {"Retry-After": "5"})

        return guarded

    async def nowhere(self, request: web.Request) -> web.Response:
        """Answer 404 for what is no path of the API, or another method on one."""
        return problem(404, f"there is no {request.method} {request.path}")

    async def list_numbers(self, _request: web.Request) -> web.Response:
        """List every number with its status, rating, clocks and limit."""
        now = self._parts.clock.now()
        async with self._parts.database.connection() as connection:
            rows = await numbers.get_all(connection)
        return reply({"numbers": [schemas.number_view(row, now) for row in rows]})

    async def show_number(self, request: web.Request) -> web.Response:
        """Show one number with the restrictions of its account."""
        now = self._parts.clock.now()
        async with self._parts.database.connection() as connection:
            row = await numbers.get(connection, PhoneNumberId(request.match_info["id"]))
            restrictions = await numbers.restrictions(connection, row.facts.waba_id)
        view = schemas.number_view(row, now)
        view["restrictions"] = [
            {"type": found["restriction_type"], "until": found["restricted_until"]}
            for found in restrictions
            if found["restricted_until"] is None or found["restricted_until"] > now
        ]
        return reply(view)

    async def put_number(self, request: web.Request) -> web.Response:
        """Add a number, or change where it belongs."""
        body = await read_body(request, schemas.NumberBody)
        now = self._parts.clock.now()
        settings = NumberSettings(
            PhoneNumberId(body.phone_number_id),
            PoolId(body.pool_id),
            WabaId(body.waba_id),
            body.display_phone_number,
            body.throughput,
        )
        async with self._parts.database.transaction() as connection:
            await pools.get(connection, settings.pool_id)
            await quota.touch(connection, await self._pools_touched(connection, settings))
            await numbers.put(connection, settings, now)
            if body.access_token is not None:
                sealed = self._parts.vault.seal(body.access_token)
                await apps.put_token(connection, settings.waba_id, sealed)
            row = await numbers.get(connection, settings.phone_number_id)
        await self._parts.changed()
        return reply(schemas.number_view(row, now))

    async def _pools_touched(self, connection: Any, settings: NumberSettings) -> list[PoolId]:
        try:
            before = (await numbers.get(connection, settings.phone_number_id)).facts.pool_id
        except UnknownNumberError:
            before = settings.pool_id
        return sorted({before, settings.pool_id})

    async def list_pools(self, _request: web.Request) -> web.Response:
        """List every pool with what is used and left of it."""
        async with self._parts.database.connection() as connection:
            rows = await pools.get_all(connection)
            views = [await self._pool_view(connection, row) for row in rows]
        return reply({"pools": views})

    async def show_pool(self, request: web.Request) -> web.Response:
        """Show one pool: limit, counted, headroom, remaining, and a forecast by hour."""
        async with self._parts.database.connection() as connection:
            row = await pools.get(connection, PoolId(request.match_info["id"]))
            view = await self._pool_view(connection, row)
            rows = await numbers.get_all(connection)
        now = self._parts.clock.now()
        view["numbers"] = [
            schemas.number_view(found, now)
            for found in rows
            if found.facts.pool_id == view["pool_id"]
        ]
        return reply(view)

    async def _pool_view(self, connection: Any, row: Any) -> dict[str, Any]:
        now, pool_id = self._parts.clock.now(), row["pool_id"]
        window = self._parts.knobs.limit_window
        counted = await quota.counted(connection, pool_id, now - window)
        forecast = await quota.forecast(connection, pool_id, now, window)
        return schemas.pool_view(row, counted, forecast, now)

    async def put_pool(self, request: web.Request) -> web.Response:
        """Add a pool, or change its regime, limit or headroom."""
        body = await read_body(request, schemas.PoolBody)
        pool_id = PoolId(request.match_info["id"])
        if not re.fullmatch(schemas.ID, pool_id):
            raise BadRequestError(f"id: must match {schemas.ID}")
        settings = PoolSettings(
            pool_id, Regime(body.regime), body.messaging_limit or UNLIMITED, body.headroom
        )
        async with self._parts.database.transaction() as connection:
            await quota.touch(connection, [pool_id])
            await pools.put(connection, settings, self._parts.clock.now(), LimitSource.OPERATOR)
            view = await self._pool_view(connection, await pools.get(connection, pool_id))
        await self._parts.changed()
        return reply(view)

    async def list_messages(self, request: web.Request) -> web.Response:
        """Page through the journal, newest first; `next` is the `before` of the next page."""
        wanted = _page_filter(request)
        async with self._parts.database.connection() as connection:
            rows = await messages.page(connection, wanted)
        views = [schemas.message_view(row) for row in rows]
        following = views[-1]["message_id"] if len(views) == wanted.limit else None
        return reply({"messages": views, "next": following})

    async def show_message(self, request: web.Request) -> web.Response:
        """Tell the whole story of one message."""
        message_id = _uuid(request.match_info["id"], "id")
        async with self._parts.database.connection() as connection:
            row = await messages.story(connection, message_id)
        if row is None:
            return problem(404, f"unknown: {message_id.hex}")
        return reply(schemas.story_view(row))

    async def put_app(self, request: web.Request) -> web.Response:
        """Add an app or give it another key; the key is shown this once."""
        body = await read_body(request, schemas.AppBody)
        key = body.meta_token or KEY_PREFIX + secrets.token_urlsafe(32)
        credential = Credential.META_TOKEN if body.meta_token else Credential.GATEWAY_KEY
        app = App(body.app_id, body.name, credential_hash(key), credential)
        async with self._parts.database.connection() as connection:
            await apps.put(connection, app, self._parts.clock.now())
        await self._parts.changed()
        shown = {"app_id": app.app_id, "name": app.name, "credential": credential}
        return reply(shown | ({} if body.meta_token else {"key": key}))

    async def list_problems(self, request: web.Request) -> web.Response:
        """Show deliveries that could not be read in full, newest first."""
        text = request.query.get("before")
        before = None if text is None else _whole(text, "before", LARGEST_ID)
        async with self._parts.database.connection() as connection:
            rows = await inbox.problems(connection, before, PAGE)
            waiting = await inbox.backlog(connection)
        return reply(
            {
                "waiting": waiting,
                "problems": [
                    {
                        "delivery_id": row["delivery_id"],
                        "received_at": row["received_at"],
                        "problem": row["problem"],
                        "body": row["body"].decode(errors="replace"),
                    }
                    for row in rows
                ],
            }
        )

    async def move_clock(self, request: web.Request) -> web.Response:
        """Move the sandbox's clock ahead; the emulator's moves with it."""
        body = await read_body(request, schemas.ClockBody)
        if self._parts.advance_clock is None:
            raise AssertionError("this path exists in a sandbox only")
        await self._parts.advance_clock(body.advance_s)
        return reply({"now": self._parts.clock.now()})


async def read_body(request: web.Request, model: type[Body]) -> Body:
    """Read and check a JSON body; BadRequestError names the first field that is wrong."""
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(str(step) for step in first["loc"]) or "body"
        raise BadRequestError(f"{path}: {first['msg']}") from None


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


def _page_filter(request: web.Request) -> PageFilter:
    query = request.query
    unknown = set(query) - {*FILTERS, "before", "limit"}
    if unknown:
        raise BadRequestError(f"{min(unknown)}: no such filter")
    limit = _whole(query.get("limit", str(PAGE)), "limit", LARGEST_PAGE)
    before = query.get("before")
    return PageFilter(
        **{name: query.get(name) for name in FILTERS},
        before=_uuid(before, "before") if before else None,
        limit=limit,
    )


def _whole(text: str, name: str, most: int) -> int:
    if re.fullmatch("[0-9]{1,19}", text) is None or not 1 <= int(text) <= most:
        raise BadRequestError(f"{name}: must be between 1 and {most}")
    return int(text)


def _refuse_nul(request: web.Request) -> None:
    """Refuse the one character that PostgreSQL cannot keep or look for."""
    if any("\0" in text for text in (request.path, *request.query.values())):
        raise BadRequestError("a NUL character cannot be asked for")


def _uuid(text: str, name: str) -> UUID:
    try:
        return UUID(hex=text)
    except ValueError:
        raise BadRequestError(f"{name}: must be a message id") from None
