"""Gives a request that repeats one still on its way the answer of the first.

SDKs send a POST again when they have lost patience or their connection. Meta has no idempotency
key (R§1.2) and would take the repetition for another message. Once the first is answered, the same
request is another message again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from aiohttp import web

from gateway.outbound.audience import AbandonedError, Audience
from gateway.web.auth import Caller
from gateway.web.connection import Connection

Govern = Callable[[Audience], Awaitable[web.Response]]
"""Sends a message for whom it is given; every answer has a `Gateway-Message-Id`."""


def likeness(request: web.BaseRequest, caller: Caller, body: bytes) -> Hashable:
    """Return what is equal for requests that repeat each other.

    The token counts because strangers who pass their own through share one `app_id`. Of the headers
    only `Idempotency-Key` and `Gateway-Send-At` count, for they say what is one message; `Prefer`
    and others speak of the attempt. For an app whose requests never join, the likeness equals
    nothing else.
    """
    if not caller.joins_retries:
        return object()
    said = request.headers.get("Idempotency-Key"), request.headers.get("Gateway-Send-At")
    return caller.app_id, caller.own_token, request.raw_path, said, body


class RetryGuard:
    """Knows the sends that are on their way, each until it is answered."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight] = {}

    async def answer(
        self, likeness: Hashable, connection: Connection, govern: Govern
    ) -> web.Response:
        """Return the answer of `govern`, or that of the same request if one is on its way.

        Raises what `govern` raises, for all who wait. It goes on when the first caller hangs up,
        and learns from its audience when nobody is left.
        """
        try:
            while flight := self._flights.get(likeness):
                _attend(flight.audience, connection)
                try:
                    return await flight.copy()
                except AbandonedError:
                    # The others had just left, and nothing was sent: whoever is here begins anew.
                    if not connection.connected:
                        raise
            flight = self._flights[likeness] = _Flight()
            _attend(flight.audience, connection)
            try:
                return await flight.fly(govern)
            finally:
                del self._flights[likeness]
        finally:
            connection.tell(None)


class _Flight:
    """A send on its way, with those who wait for a copy of its answer."""

    __slots__ = ("_copies", "audience")

    def __init__(self) -> None:
        self.audience = Audience()
        self._copies: list[asyncio.Future[web.Response]] = []

    async def copy(self) -> web.Response:
        copy: asyncio.Future[web.Response] = asyncio.get_running_loop().create_future()
        self._copies.append(copy)
        return await copy

    async def fly(self, govern: Govern) -> web.Response:
        try:
            response = await govern(self.audience)
        except BaseException as error:
            for copy in self._waiting():
                copy.set_exception(error)
            raise
        for copy in self._waiting():
            copy.set_result(_copy(response))
        return response

    def _waiting(self) -> list[asyncio.Future[web.Response]]:
        return [copy for copy in self._copies if not copy.done()]


def _attend(audience: Audience, connection: Connection) -> None:
    audience.join()
    connection.tell(audience.leave)


def _copy(response: web.Response) -> web.Response:
    headers = response.headers.copy()
    headers["Gateway-Joined"] = headers["Gateway-Message-Id"]
    return web.Response(status=response.status, body=response.body, headers=headers)
