"""Answers apps that ask for a message of theirs by our id, or call it off."""

from http import HTTPStatus
from typing import Final
from uuid import UUID

import orjson
from aiohttp import web

from gateway.outbound.told import view
from gateway.store import fates
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.store.fates import Fate
from gateway.web.auth import Authenticator, Caller, UnknownAppError
from gateway.web.replies import Refusal, refusal, store_away

PATH: Final = "/v1/messages/"
PARKED: Final = "gw1."
"""How our id begins where it stands in the place of one of Meta's."""


class OwnMessages:
    """`GET` and `DELETE` of `/v1/messages/{id}`; only the app that has sent it sees a message.

    Strangers who bring a Meta token of their own are not told apart: who knows the id, which
    cannot be guessed, is told. The recipient is never shown.
    """

    def __init__(self, database: Database, authenticator: Authenticator) -> None:
        self._database = database
        self._authenticator = authenticator

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
            return refusal(store_away())

    async def _answer(self, request: web.BaseRequest, caller: Caller) -> web.Response:
        given = request.path.removeprefix(PATH)
        fate = await self._find(given, caller)
        if fate is None:
            return refusal(_unknown(given))
        if request.method == "DELETE" and not await self._cancel(fate):
            details = f"The message is {fate.state} and cannot be called off any more."
            return refusal(Refusal(HTTPStatus.CONFLICT, 100, details, rule=fate.state))
        if request.method == "DELETE":
            fate = await self._find(given, caller)
            if fate is None:
                raise AssertionError("the journal forgets nothing")
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

    async def _cancel(self, fate: Fate) -> bool:
        async with self._database.connection() as connection:
            return await fates.cancel(connection, fate.pool_id, fate.message_id)


def _unknown(given: str) -> Refusal:
    details = f"Message {given[:40]!r} is none of yours."
    return Refusal(404, 100, details, rule="account", subcode=33)
