"""Passes on what is not governed, byte for byte, streamed both ways."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson
import structlog
from aiohttp import web

from gateway.clock import Clock
from gateway.cloud.client import CloudClient
from gateway.store import apps
from gateway.store.database import Database
from gateway.store.directory import Directory
from gateway.store.errors import StoreUnavailableError
from gateway.web.auth import Authenticator, Caller
from gateway.web.media_links import MediaLinks
from gateway.web.paths import CloudPath
from gateway.web.replies import (
    HOP_BY_HOP,
    RETRY_OUTAGE_S,
    UNAVAILABLE,
    Refusal,
    refusal,
    unknown_id,
)
from gateway.whatsapp.ids import PhoneNumberId, WabaId

NOT_FORWARDED: Final = HOP_BY_HOP | {"host", "authorization", "expect"}
NOT_RETURNED: Final = HOP_BY_HOP | {"server"}
CHUNK: Final = 65_536
SMALL_JSON: Final = 65_536


class BodyTooLargeError(Exception):
    """A body grew past the cap while it was streamed."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose id a request speaks of; `phone_number_id` where it is known."""

    waba_id: WabaId
    phone_number_id: PhoneNumberId | None


@dataclass(frozen=True, slots=True)
class PassThroughParts:
    """What the pass-through works with."""

    directory: Directory
    authenticator: Authenticator
    database: Database
    cloud: CloudClient
    links: MediaLinks
    clock: Clock


class PassThrough:
    """Serves every path under a known id that is not a send."""

    def __init__(
        self, parts: PassThroughParts, max_body_bytes: int, public_url: str | None = None
    ) -> None:
        self._parts = parts
        self._max_body_bytes = max_body_bytes
        self._public_url = public_url and public_url.rstrip("/")
        self._log = structlog.get_logger("gateway.web.pass_through")

    async def handle(
        self, request: web.BaseRequest, path: CloudPath, caller: Caller
    ) -> web.StreamResponse:
        """Stream a request to Meta and the answer back; 404 when the id is nobody's."""
        if path.node_id == self._parts.links.PREFIX:
            return await self._download(request, path.edge, caller)
        owner = await self._owner(path.node_id, request)
        if owner is None:
            return refusal(unknown_id(path.node_id))
        authorization = self._parts.authenticator.authorization(caller, owner.waba_id)
        is_media_node = owner.phone_number_id is not None and path.node_id != owner.phone_number_id
        learns = path.edge == "media" and request.method == "POST"
        if learns or (is_media_node and request.method == "GET" and caller.own_token is None):
            return await self._media(request, owner, authorization)
        return await self._stream(request, request.raw_path, authorization)

    async def _owner(self, node_id: str, request: web.BaseRequest) -> Owner | None:
        directory = self._parts.directory
        route = directory.routes.get(PhoneNumberId(node_id))
        if route is not None:
            return Owner(route.waba_id, route.phone_number_id)
        if node_id in directory.waba_ids:
            return Owner(WabaId(node_id), None)
        if not node_id.isdigit():
            return None
        # Meta lets a media request name its number; an app that does so spares us a look-up.
        named = directory.routes.get(PhoneNumberId(request.query.get("phone_number_id", "")))
        if named is not None:
            return Owner(named.waba_id, named.phone_number_id)
        async with self._parts.database.connection() as connection:
            number = await apps.number_of_media(connection, node_id)
            if number is not None and (route := directory.routes.get(number)) is not None:
                return Owner(route.waba_id, route.phone_number_id)
            waba_id = await apps.waba_of_template(connection, node_id)
        return Owner(waba_id, None) if waba_id in directory.waba_ids else None

    async def _stream(
        self, request: web.BaseRequest, url: str, authorization: str
    ) -> web.StreamResponse:
        if (request.content_length or 0) > self._max_body_bytes:
            return refusal(self._too_large())
        headers = _forwarded(request.headers, authorization)
        response: web.StreamResponse | None = None
        try:
            async with self._parts.cloud.stream(
                request.method, url, headers, self._capped(request)
            ) as upstream:
                response = _head(upstream)
                await response.prepare(request)
                await self._relay(response, upstream)
        except (BodyTooLargeError, aiohttp.ClientError, OSError) as error:
            if response is None or not response.prepared:
                return refusal(self._broken(error))
            # The status has gone out: only a broken end tells the app that something is missing.
            self._log.warning("pass-through broke", error=type(error).__name__)
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _relay(self, response: web.StreamResponse, upstream: aiohttp.ClientResponse) -> None:
        sent = 0
        async for chunk in upstream.content.iter_chunked(CHUNK):
            sent += len(chunk)
            if sent > self._max_body_bytes:
                raise BodyTooLargeError
            await response.write(chunk)
        await response.write_eof()

    def _capped(self, request: web.BaseRequest) -> AsyncIterator[bytes] | None:
        return self._chunks(request) if request.can_read_body else None

    async def _chunks(self, request: web.BaseRequest) -> AsyncIterator[bytes]:
        received = 0
        async for chunk in request.content.iter_chunked(CHUNK):
            received += len(chunk)
            if received > self._max_body_bytes:
                raise BodyTooLargeError
            yield chunk

    async def _media(
        self, request: web.BaseRequest, owner: Owner, authorization: str
    ) -> web.StreamResponse:
        """Pass a media upload or a media node through, and learn from the small JSON answer."""
        if (request.content_length or 0) > self._max_body_bytes:
            return refusal(self._too_large())
        headers = _forwarded(request.headers, authorization)
        headers.pop("Accept-Encoding", None)  # the answer is read here
        try:
            async with self._parts.cloud.stream(
                request.method, request.raw_path, headers, self._capped(request)
            ) as upstream:
                response = _head(upstream)
                body = await upstream.content.read(SMALL_JSON)
                while chunk := await upstream.content.read(SMALL_JSON):
                    body += chunk
        except (BodyTooLargeError, aiohttp.ClientError, OSError) as error:
            return refusal(self._broken(error))
        if upstream.status == web.HTTPOk.status_code:
            body = await self._learn(request, owner, body)
        headers_out = response.headers
        headers_out.popall("Content-Length", None)
        return web.Response(status=upstream.status, headers=headers_out, body=body)

    async def _learn(self, request: web.BaseRequest, owner: Owner, body: bytes) -> bytes:
        node = _object(body)
        if request.method == "POST":
            media_id, number = node.get("id"), owner.phone_number_id
            if isinstance(media_id, str) and number is not None:
                await self._remember(media_id, number)
            return body
        url = node.get("url")
        if not isinstance(url, str):
            return body
        # The file's own host wants Meta's token, which an app with a key of ours does not have.
        sealed = self._parts.links.seal(url, owner.waba_id, self._parts.clock.now())
        reached_as = self._public_url or f"{request.scheme}://{request.host}"
        return orjson.dumps(node | {"url": reached_as + sealed})

    async def _remember(self, media_id: str, number: PhoneNumberId) -> None:
        try:
            async with self._parts.database.connection() as connection:
                await apps.put_media(connection, [(media_id, number)], self._parts.clock.now())
        except StoreUnavailableError as error:
            # The upload has succeeded; the app can still name the number when it asks for it.
            self._log.warning("media id not remembered", error=str(error))

    async def _download(
        self, request: web.BaseRequest, sealed: str, caller: Caller
    ) -> web.StreamResponse:
        link = self._parts.links.open(sealed, self._parts.clock.now())
        if link is None or request.method != "GET":
            return refusal(unknown_id("media link"))
        authorization = self._parts.authenticator.authorization(caller, link.waba_id)
        return await self._stream(request, link.url, authorization)

    def _too_large(self) -> Refusal:
        return Refusal(413, 100, f"The body is larger than {self._max_body_bytes} bytes.")

    def _broken(self, error: Exception) -> Refusal:
        # What goes wrong while a body is read reaches us as the cause of a broken request.
        if isinstance(error, BodyTooLargeError) or isinstance(error.__cause__, BodyTooLargeError):
            return self._too_large()
        if isinstance(error.__cause__, web.RequestPayloadError):
            return Refusal(400, 100, "The body of the request broke off.", rule="envelope")
        details = f"The Cloud API cannot be reached ({type(error).__name__})."
        status = 504 if isinstance(error, TimeoutError) else 502
        return Refusal(status, UNAVAILABLE, details, RETRY_OUTAGE_S, decision="upstream")


def _head(upstream: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=upstream.status)
    for name, value in upstream.headers.items():
        if name.lower() not in NOT_RETURNED:
            response.headers.add(name, value)
    response.headers["Gateway-Decision"] = "upstream"
    return response


def _forwarded(headers: Mapping[str, str], authorization: str) -> dict[str, str]:
    kept = {name: value for name, value in headers.items() if name.lower() not in NOT_FORWARDED}
    return kept | {"Authorization": authorization}


def _object(body: bytes) -> dict[str, Any]:
    try:
        node = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return node if isinstance(node, dict) else {}
