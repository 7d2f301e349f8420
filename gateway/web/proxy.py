"""Takes the requests of apps: governs sends, passes everything else through."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

import structlog
from aiohttp import web

from gateway.clock import Clock
from gateway.cloud.client import CloudClient
from gateway.metrics import Metrics
from gateway.outbound.admission import TooLateError
from gateway.outbound.audience import Audience
from gateway.outbound.courier import Courier
from gateway.outbound.dispatch import Handled, Request
from gateway.outbound.pacing import CongestedError, Pacing
from gateway.outbound.parcels import Parked, Wishes
from gateway.outbound.rests import LeavingError
from gateway.outbound.submission import Submission
from gateway.policy.fold import Candidate
from gateway.store.directory import Directory, Route
from gateway.store.errors import StoreUnavailableError, UnknownNumberError
from gateway.store.idempotency import Key
from gateway.store.message_ids import MessageIds
from gateway.web.auth import Authenticator, Caller, NoTokenError, UnknownAppError
from gateway.web.connection import Connection
from gateway.web.idempotency import Governed, Idempotency, Keyed, key_of, mark_replayed
from gateway.web.pass_through import PassThrough
from gateway.web.paths import NOWHERE, read_path
from gateway.web.replies import (
    HOP_BY_HOP,
    Refusal,
    annotate,
    congested,
    leaving,
    of_objection,
    of_outcome,
    parked,
    perhaps_parked,
    refusal,
    store_away,
    too_late,
    unknown_id,
    without,
)
from gateway.web.retry_guard import RetryGuard, likeness
from gateway.web.wishes import read_wishes
from gateway.whatsapp.callback import wrap
from gateway.whatsapp.ids import PhoneNumberId
from gateway.whatsapp.message import (
    INVALID_PARAMETER,
    EnvelopeError,
    Message,
    ReadReceipt,
    parse,
    with_callback_data,
)
from gateway.whatsapp.recipient import user_id

NOT_FORWARDED: Final = HOP_BY_HOP | {
    "host",
    "content-length",
    "authorization",
    "accept-encoding",
    "expect",
    "prefer",
    "idempotency-key",
    "gateway-send-at",
    "gateway-expires-at",
}
STATUS_CLASSES: Final = ("0xx", "1xx", "2xx", "3xx", "4xx", "5xx")


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """What the operator allows: bytes of a send, seconds in line, replies during an outage."""

    max_message_bytes: int
    wait_s: float
    replies_in_outage: bool


@dataclass(frozen=True, slots=True)
class ProxyParts:
    """What the proxy works with."""

    directory: Directory
    authenticator: Authenticator
    courier: Courier
    pacing: Pacing
    cloud: CloudClient
    pass_through: PassThrough
    idempotency: Idempotency
    clock: Clock
    metrics: Metrics


class _Send(NamedTuple):
    caller: Caller
    route: Route
    message: Message
    body: bytes
    headers: Mapping[str, str]
    key: Key | None
    wishes: Wishes
    came_at: datetime


class Proxy:
    """The handler of everything below `/` on the data listener."""

    def __init__(self, parts: ProxyParts, settings: ProxySettings, rng: random.Random) -> None:
        self._parts = parts
        self._settings = settings
        self._ids = MessageIds(rng)
        self._guard = RetryGuard()
        self._log = structlog.get_logger("gateway.web.proxy")

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; whatever happens, in Meta's shape."""
        # An absolute target (`GET http://host/…`) would say where our tokens go: it leads nowhere.
        path = read_path(request.path) if request.raw_path.startswith("/") else NOWHERE
        kind = "send" if path.sends else "other"
        try:
            if path.sends:
                response: web.StreamResponse = await self._send(request, path.node_id)
            elif path.is_encrypted_send:
                response = refusal(_ungovernable("An encrypted send"))
            else:
                caller = self._parts.authenticator.caller(request)
                response = await self._parts.pass_through.handle(request, path, caller)
        except UnknownAppError as error:
            response = refusal(Refusal(401, 190, str(error), rule="auth"))
        except NoTokenError as error:
            response = refusal(Refusal(401, 190, str(error), rule="vault"))
        except EnvelopeError as error:
            response = refusal(Refusal(400, error.code, error.details, rule="envelope"))
        except web.HTTPRequestEntityTooLarge:
            response = refusal(self._too_large())
        except StoreUnavailableError:
            self._parts.metrics.store_away.inc()
            response = refusal(store_away())
        except UnknownNumberError as error:
            response = refusal(unknown_id(str(error)))
        self._parts.metrics.request(kind, STATUS_CLASSES[min(response.status // 100, 5)])
        return response

    async def _send(self, request: web.BaseRequest, node_id: str) -> web.Response:
        caller = self._parts.authenticator.caller(request)
        route = self._parts.directory.routes.get(PhoneNumberId(node_id))
        if route is None:
            return refusal(unknown_id(node_id))
        if request.method != "POST":
            return refusal(_ungovernable(f"{request.method} on this path"))
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise EnvelopeError(INVALID_PARAMETER, "The body of a send must not be compressed.")
        headers = self._headers(request, caller, route)
        body = await _body_of(request)
        if len(body) > self._settings.max_message_bytes:
            return refusal(self._too_large())
        message = parse(body)
        match message:
            case ReadReceipt():
                outcome = await self._parts.cloud.send(request.raw_path, body, headers)
                return of_outcome(outcome, self._ids.new(self._parts.clock.now()))
            case Message():
                now = self._parts.clock.now()
                key = key_of(request, caller, body)
                wishes = read_wishes(request, caller, now)
                send = _Send(caller, route, message, body, headers, key, wishes, now)
                response = await self._guard.answer(
                    likeness(request, caller, body),
                    Connection.of(request),
                    partial(self._answer, request, send),
                )
                if key is not None and "Gateway-Joined" in response.headers:
                    mark_replayed(response)
                return response

    async def _answer(
        self, request: web.BaseRequest, send: _Send, audience: Audience
    ) -> web.Response:
        govern = partial(self._govern, request, send, audience)
        if send.key is None:
            return (await govern(self._ids.new(send.came_at))).response
        wait_s = self._most_wait_s(send.wishes)
        keyed = Keyed(
            send.key, send.route.pool_id, send.message.recipient, wait_s, send.wishes.may_wait
        )
        return await self._parts.idempotency.answer(keyed, audience, govern)

    async def _govern(
        self, request: web.BaseRequest, send: _Send, audience: Audience, message_id: UUID
    ) -> Governed:
        started = time.perf_counter()
        correlated = wrap(message_id.hex, send.message.callback_data)
        body = send.body
        if correlated is not None:
            body = with_callback_data(body, send.message.callback_data, correlated)
        route = send.route
        candidate = Candidate(
            route.phone_number_id,
            route.pool_id,
            user_id(send.message.recipient, route.dialling),
            send.message,
            send.caller.app_id,
        )
        todo = Request(
            Submission(message_id, send.caller.app_id, candidate, correlated is not None),
            request.raw_path,
            body,
            send.headers,
            self._most_wait_s(send.wishes),
            audience,
            route.waba_id,
            send.caller.own_token is not None,
        )
        line = self._parts.pacing.line(route.phone_number_id, route.throughput)
        try:
            handled = await self._parts.courier.take(todo, send.wishes, line)
        except CongestedError as error:
            self._parts.metrics.decision("defer", "throughput")
            return Governed(refusal(congested(error.retry_after_s, error.code), message_id), None)
        except LeavingError:
            self._parts.metrics.decision("defer", "draining")
            return Governed(refusal(leaving(), message_id), None)
        except TooLateError:
            return Governed(refusal(too_late(), message_id), None)
        except StoreUnavailableError:
            if send.key is not None:  # the key says what to do about it
                raise
            self._parts.metrics.store_away.inc()
            return Governed(await self._in_outage(todo, send.wishes), None)
        if isinstance(handled, Parked):
            self._parts.metrics.decision("park", handled.rule)
            now = self._parts.clock.now()
            return Governed(parked(handled, send.message.recipient, message_id, now), handled)
        total_s = time.perf_counter() - started
        return Governed(self._reply(handled, message_id, total_s, route), handled)

    def _reply(
        self, handled: Handled, message_id: UUID, total_s: float, route: Route
    ) -> web.Response:
        decisive = handled.admission.verdict.decisive
        if handled.outcome is not None:
            response = of_outcome(handled.outcome, message_id)
            response.headers["Gateway-Message-Id"] = message_id.hex
        elif decisive is not None:
            response = refusal(of_objection(decisive, self._parts.clock.now()), message_id)
        else:
            raise AssertionError("a message was turned away without an objection")
        gateway_s = total_s - handled.timing.wait_s - handled.timing.upstream_s
        self._parts.metrics.overhead.observe(gateway_s)
        annotate(response, handled, gateway_s, route.throughput)
        return response

    async def _in_outage(self, todo: Request, wishes: Wishes) -> web.Response:
        """Answer while the database is away.

        A template may start a conversation, so it is refused. Free-form messages are taken by
        Meta inside an open service window only (131047 otherwise), so they cannot overrun a
        limit; they are passed on unless the operator has decided otherwise, or they may be in the
        outbox by now. What has come under a key does not come here: that nothing is sent twice can
        be promised with a database only.
        """
        message, message_id = todo.submission.candidate.message, todo.submission.message_id
        if wishes.may_wait:
            return refusal(perhaps_parked(message_id), message_id)
        if message.template or message.direct_send_category or not self._settings.replies_in_outage:
            return refusal(store_away(), message_id)
        outcome = await self._parts.cloud.send(todo.path, todo.body, todo.headers)
        response = of_outcome(outcome, message_id)
        response.headers["Gateway-Message-Id"] = message_id.hex
        response.headers["Gateway-Rule"] = "outage"
        return response

    def _headers(self, request: web.BaseRequest, caller: Caller, route: Route) -> Mapping[str, str]:
        headers = without(request.headers, NOT_FORWARDED)
        headers["Authorization"] = self._parts.authenticator.authorization(caller, route.waba_id)
        return headers

    def _most_wait_s(self, wishes: Wishes) -> float:
        """Return the seconds a send may wait in line."""
        most = self._settings.wait_s
        return most if wishes.wait_s is None else min(wishes.wait_s, most)

    def _too_large(self) -> Refusal:
        limit = self._settings.max_message_bytes
        return Refusal(413, 100, f"The body is larger than {limit} bytes.", rule="envelope")


async def _body_of(request: web.BaseRequest) -> bytes:
    """Return the whole body; what has come together with its head need not be waited for."""
    content = request.content
    return content.read_nowait() if content.is_eof() else await request.read()


def _ungovernable(what: str) -> Refusal:
    details = f"{what} cannot be governed and is not passed on; use POST …/messages."
    return Refusal(400, 131055, details, rule="envelope")
