"""Answers apps that ask for a message of theirs by our id, or call it off."""

import hmac
from http import HTTPStatus
from typing import Final
from uuid import UUID

import orjson
from aiohttp import web

from gateway.clock import Clock
from gateway.outbound.contents import unpack
from gateway.outbound.told import view
from gateway.policy.lifecycle import MessageState
from gateway.policy.verdict import Decision
from gateway.store import backlog, fates
from gateway.store.backlog import Deed, Order, ParcelFilter
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.store.fates import Fate
from gateway.store.vault import Vault
from gateway.web.auth import BEARER, Authenticator, Caller, UnknownAppError
from gateway.web.replies import UNAVAILABLE, Refusal, refusal

PATH: Final = "/v1/messages/"
PARKED: Final = "gw1."
"""How our id begins where it stands in the place of one of Meta's."""
RETRY_S: Final = 5.0


class OwnMessages:
    """`GET` and `DELETE` of `/v1/messages/{id}`; only the app that has sent it sees a message.

    Strangers who bring a Meta token of their own are not told apart: who knows the id, which
    cannot be guessed, is told; called off is a message only by the token that has sent it. The
    recipient is never shown.
    """

    def __init__(
        self, database: Database, authenticator: Authenticator, vault: Vault, clock: Clock
    ) -> None:
        self._database = database
        self._authenticator = authenticator
        self._vault = vault
        self._clock = clock

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; a refusal has Meta's shape."""
        if request.method not in {"GET", "DELETE"}:
            details = (
                f"{request.method} is not for a message: GET tells of it, DELETE calls it off."
            )
            response = refusal(Refusal(405, 100, details, rule="envelope"))
            response.headers["Allow"] = "GET, DELETE"
            return response
        try:
            caller = self._authenticator.caller(request)
            return await self._answer(request, caller)
        except UnknownAppError as error:
            return refusal(Refusal(401, 190, str(error), rule="auth"))
        except StoreUnavailableError:
            return refusal(_away())

    async def _answer(self, request: web.BaseRequest, caller: Caller) -> web.Response:
        given = request.path.removeprefix(PATH)
        fate = await self._find(given, caller)
        if fate is None:
            return refusal(_unknown(given))
        if request.method == "DELETE":
            if not await self._is_theirs(fate, caller):
                return refusal(_unknown(given))
            if not await self._cancel(fate):
                return refusal(_too_late(fate))
            fate = await self._find(given, caller) or fate
        body = orjson.dumps(view(fate), option=orjson.OPT_UTC_Z)
        return web.Response(body=body, content_type="application/json")

    async def _find(self, given: str, caller: Caller) -> Fate | None:
        try:
            message_id = UUID(hex=given.removeprefix(PARKED))
        except ValueError:
            return None
        async with self._database.connection() as connection:
            found = await fates.fates(connection, [message_id])
        return next((fate for fate in found if fate.app_id == caller.app_id), None)

    async def _is_theirs(self, fate: Fate, caller: Caller) -> bool:
        """Tell whether a stranger is the one who has sent what waits."""
        if caller.own_token is None:
            return True
        async with self._database.connection() as connection:
            sealed = await fates.sealed(connection, fate.pool_id, fate.message_id)
        if sealed is None:
            return True  # it waits no more: there is nothing to call off
        own_token = unpack(sealed, self._vault).own_token or ""
        return hmac.compare_digest(own_token.encode(), (BEARER + caller.own_token).encode())

    async def _cancel(self, fate: Fate) -> bool:
        """Call it off as an operator would; False when it is too late, or just being sent."""
        only = ParcelFilter(pool_id=fate.pool_id, message_id=fate.message_id)
        # Another process may have parked it by a clock that is ahead.
        at = max(self._clock.now(), fate.created_at)
        return (await backlog.do(self._database, Order(Deed.CANCEL, only, at))).affected > 0


def _unknown(given: str) -> Refusal:
    details = f"Message {given[:40]!r} is none of yours."
    return Refusal(404, 100, details, rule="account", subcode=33)


def _too_late(fate: Fate) -> Refusal:
    if fate.state is MessageState.PARKED:
        details = "The message is just being looked at to be sent; come again."
        return Refusal(HTTPStatus.CONFLICT, 100, details, RETRY_S, rule="claimed")
    details = f"The message is {fate.state} and cannot be called off any more."
    return Refusal(HTTPStatus.CONFLICT, 100, details, rule=fate.state)


def _away() -> Refusal:
    details = "The gateway's database is away: what became of the message is not known now."
    return Refusal(503, UNAVAILABLE, details, RETRY_S, Decision.DEFER, "outage")
