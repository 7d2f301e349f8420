"""Gives a request under an Idempotency-Key the answer of the first, however often it comes.

Follows draft-ietf-httpapi-idempotency-key-header-07 (15 October 2025): a key of another request is
refused with 422, one whose request is still on its way with 409 (here only after waiting for it).
The draft's quotation marks may be there or not; they belong to the key. What says "nothing was
sent, come again" is no answer to be given again: it would lock the app out of a message that was
never sent.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, assert_never
from uuid import UUID

import structlog
from aiohttp import web
from multidict import CIMultiDict

from gateway.clock import Clock
from gateway.cloud.outcome import Accepted, InDoubt, Refused
from gateway.outbound.audience import AbandonedError, Audience
from gateway.outbound.dispatch import Handled
from gateway.outbound.parcels import Parked
from gateway.policy.lifecycle import MessageState
from gateway.policy.verdict import Decision
from gateway.store import idempotency as keys
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError, UnknownNumberError
from gateway.store.idempotency import Claim, Fate, Held, Key, KeyState, Recorded
from gateway.store.message_ids import MessageIds
from gateway.web.auth import Caller
from gateway.web.replies import (
    GENERIC,
    UNAVAILABLE,
    Refusal,
    of_outcome,
    parked,
    perhaps_parked,
    refusal,
)
from gateway.whatsapp.error_codes import ErrorClass, lookup
from gateway.whatsapp.ids import PoolId
from gateway.whatsapp.message import INVALID_PARAMETER, EnvelopeError
from gateway.whatsapp.recipient import Recipient
from gateway.whatsapp.success_shape import success_body

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
KEY: Final = re.compile(r"[!-~]{1,255}")
RULE: Final = "idempotency"
LOOK_S: Final = 0.15
RETRY_S: Final = 1.0
STATEMENTS: Final = 6
"""So many statements may be slow to the utmost before a message is admitted."""
COMES_AGAIN: Final = frozenset({ErrorClass.T, ErrorClass.W})
ARRIVED: Final = frozenset(
    {MessageState.ACCEPTED, MessageState.SENT, MessageState.DELIVERED, MessageState.READ}
)


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds: how long an answer is kept, and what the line, Meta and a statement may take."""

    kept_s: float
    wait_s: float
    answer_s: float
    database_s: float

    @property
    def lease(self) -> timedelta:
        """How long a process answers for a request: longer than any may wait before it leaves."""
        return timedelta(seconds=self.wait_s + self.answer_s + STATEMENTS * self.database_s)


class Keyed(NamedTuple):
    """A send under a key, and the seconds that its caller would wait in line.

    `may_wait`: it may be parked, as in `Wishes.may_wait`.
    """

    key: Key
    pool_id: PoolId
    recipient: Recipient
    wait_s: float
    may_wait: bool = False


class Governed(NamedTuple):
    """An answer, and what became of the message; None where it never came to the desk."""

    response: web.Response
    handled: Handled | Parked | None


Govern = Callable[[UUID], Awaitable[Governed]]
"""Sends a message under the id given."""


def key_of(request: web.BaseRequest, caller: Caller, body: bytes) -> Key | None:
    """Return the key of a request, None when it has none; EnvelopeError when it is not one.

    Strangers who bring their own token share one `app_id`, so the token tells their keys apart.
    """
    given = request.headers.getall(HEADER, None)
    if given is None:
        return None
    if len(given) > 1 or KEY.fullmatch(given[0]) is None:
        details = f"{HEADER} must be one key of 1 to 255 visible characters."
        raise EnvelopeError(INVALID_PARAMETER, details)
    owner = caller.app_id
    if caller.own_token is not None:
        owner = f"{owner} {hashlib.sha256(caller.own_token.encode()).hexdigest()}"
    path = request.raw_path.encode(errors="surrogateescape")
    return Key(owner, given[0], hashlib.sha256(path + b"\n" + body).digest())


class Idempotency:
    """Lets the first request of a key be governed, and gives the others its answer."""

    def __init__(self, database: Database, clock: Clock, ids: MessageIds, terms: Terms) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._terms = terms
        self._log = structlog.get_logger("gateway.web.idempotency")

    async def answer(self, sent: Keyed, audience: Audience, govern: Govern) -> web.Response:
        """Return the answer to the first request of the key, which may be this one.

        Raises what `govern` raises, AbandonedError when nobody waits for the first one any more,
        StoreUnavailableError when it cannot be known whether this is the first.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + sent.wait_s + self._terms.answer_s
        while True:
            now = self._clock.now()
            claim = Claim(sent.key, sent.pool_id, self._ids.new(now), now, now + self._terms.lease)
            held = await self._take(claim)
            if held is None:
                return await self._first(claim, govern, may_wait=sent.may_wait)
            told = _told(sent, held, now)
            if told is not None:
                return told
            if loop.time() >= deadline:
                return refusal(_on_its_way(held), held.message_id)
            await asyncio.sleep(LOOK_S)
            if audience.is_gone:
                raise AbandonedError

    async def _take(self, claim: Claim) -> Held | None:
        """Take the key, or return who has it."""
        since = claim.at - timedelta(seconds=self._terms.kept_s)
        async with self._database.connection() as connection:
            while not await keys.claim(connection, claim, since):
                # Whoever had it may have given it back in between.
                if held := await keys.held(connection, claim.key):
                    return held
        return None

    async def _first(self, claim: Claim, govern: Govern, *, may_wait: bool) -> web.Response:
        try:
            response, handled = await govern(claim.message_id)
        except (AbandonedError, StoreUnavailableError, UnknownNumberError) as error:
            if may_wait and isinstance(error, StoreUnavailableError):
                # It keeps the key: the lease runs out, and then the journal tells.
                return refusal(perhaps_parked(claim.message_id), claim.message_id)
            await self._settle(claim, None, None)  # nothing has left
            raise
        await self._settle(claim, ending_of(handled), response)
        return response

    async def _settle(
        self, claim: Claim, ending: KeyState | None, response: web.Response | None
    ) -> None:
        """Keep the answer, or give the key back, before anybody hears of it."""
        try:
            async with self._database.connection() as connection:
                if ending is None or response is None:
                    await keys.forget(connection, claim)
                else:
                    await keys.remember(connection, claim, ending, _recorded(response))
        except StoreUnavailableError as error:
            # The answer is given all the same: the lease runs out, and then the journal tells.
            self._log.warning("an answer under a key was not kept", error=str(error))


def ending_of(handled: Handled | Parked | None) -> KeyState | None:
    """Return how an answer is to be kept, None where nothing was sent and it may come again."""
    if handled is None:
        return None
    if isinstance(handled, Parked):
        return KeyState.ANSWERED  # it is going to be sent: another would be sent, too
    match handled.outcome:
        case None:
            is_final = handled.admission.verdict.decision is Decision.REJECT
        case Accepted():
            is_final = True
        case InDoubt():
            return KeyState.IN_DOUBT
        case Refused(answer=answer, error=error):
            comes_again = error is not None and lookup(error.code).cls in COMES_AGAIN
            is_final = answer is not None and not comes_again
        case _:
            assert_never(handled.outcome)
    return KeyState.ANSWERED if is_final else None


def mark_replayed(response: web.Response) -> web.Response:
    """Say that this was the answer to an earlier request."""
    response.headers[REPLAYED] = "true"
    return response


def _told(sent: Keyed, held: Held, now: datetime) -> web.Response | None:
    """Return what a request is told whose key is taken, None when it has to wait."""
    if held.fingerprint != sent.key.fingerprint:
        return refusal(_of_another(held), held.message_id)
    if held.state is KeyState.ANSWERED and held.recorded is not None:
        return mark_replayed(_replayed(held.recorded))
    if held.state is KeyState.IN_FLIGHT and (held.leased_until > now or held.never_left):
        return None
    return mark_replayed(_of_fate(held, sent.recipient, now) or _in_doubt(held))


def _of_fate(held: Held, recipient: Recipient, now: datetime) -> web.Response | None:
    """Return what the journal knows of a message that was in doubt, None when it still is."""
    match held.fate:
        case Fate(state=MessageState.FAILED, code=code, detail=detail):
            code = GENERIC if code is None else code
            details = f"The message has failed: {detail or lookup(code).title}."
            no = Refusal(lookup(code).http_status, code, details, decision="upstream")
            return refusal(no, held.message_id)
        case Fate(state=state, user_id=user_id, wamid=str(wamid)) if state in ARRIVED:
            response = web.Response(
                body=success_body(recipient, user_id, wamid), content_type="application/json"
            )
            response.headers["Gateway-Decision"] = Decision.ADMIT
            response.headers["Gateway-Message-Id"] = held.message_id.hex
            return response
        case Fate(state=MessageState.PARKED, rule=str(rule), retry_at=datetime() as due_at) as fate:
            waits = Parked(due_at, rule, fate.detail or "")
            return parked(waits, recipient, held.message_id, now)
        case Fate(state=MessageState.EXPIRED | MessageState.CANCELLED as state):
            details = f"The message was parked, and is {state}; nothing was sent."
            return refusal(Refusal(400, GENERIC, details, rule=state), held.message_id)
        case _:
            return None


def _in_doubt(held: Held) -> web.Response:
    if held.recorded is not None:
        return _replayed(held.recorded)
    reason = "the gateway has stopped before it knew Meta's answer"
    return of_outcome(InDoubt(None, reason), held.message_id)


def _of_another(held: Held) -> Refusal:
    details = (
        f"This {HEADER} belongs to another request (message {held.message_id.hex}): "
        "path and body must be the same, or the key another; nothing was sent."
    )
    return Refusal(422, INVALID_PARAMETER, details, rule=RULE)


def _on_its_way(held: Held) -> Refusal:
    details = (
        f"The request that came with this {HEADER} first (message {held.message_id.hex}) is not "
        "answered yet; come again with the same key."
    )
    return Refusal(409, UNAVAILABLE, details, RETRY_S, Decision.DEFER, RULE)


def _recorded(response: web.Response) -> Recorded:
    lines = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    body = response.body if isinstance(response.body, bytes) else b""
    return Recorded(response.status, lines.encode(errors="surrogateescape"), body)


def _replayed(recorded: Recorded) -> web.Response:
    headers: CIMultiDict[str] = CIMultiDict()
    for line in recorded.headers.decode(errors="surrogateescape").split("\r\n")[:-1]:
        name, _, value = line.partition(": ")
        headers.add(name, value)
    return web.Response(status=recorded.status, body=recorded.body, headers=headers)
