"""Sends under keys of idempotency, with whatever ending a test wants of each send."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final
from uuid import UUID

import pytest
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.cloud.outcome import Accepted, Answer, InDoubt, Outcome, Refused
from gateway.outbound.audience import Audience
from gateway.outbound.dispatch import Handled, Timing
from gateway.outbound.parcels import Parked
from gateway.outbound.submission import Admission
from gateway.policy.verdict import Decision, Objection, Verdict
from gateway.store.idempotency import Key
from gateway.store.message_ids import MessageIds
from gateway.web.auth import Caller
from gateway.web.idempotency import Governed, Idempotency, Keyed, Terms
from gateway.whatsapp.error_shape import MetaError
from gateway.whatsapp.recipient import Recipient, RecipientKind
from tests.policy.making import NOW, POOL
from tests.store.stocked import ANNA, ManualClock, Stock, journal_row

SHOP: Final = Caller("shop", None)
PATH: Final = "/v25.0/1/messages"
TERMS: Final = Terms(kept_s=86_400, wait_s=10, answer_s=30, database_s=5)
BODY: Final = b'{"messages": [{"id": "wamid.1"}]}'
META: Final = Answer(200, CIMultiDictProxy(CIMultiDict()), BODY)
KEYED: Final = Keyed(
    Key("shop", "order-1", b"one"), POOL, Recipient(RecipientKind.PHONE, "+34600000001"), 10
)
IMPATIENT: Final = KEYED._replace(wait_s=-TERMS.answer_s)


def handled(outcome: Outcome | None, decision: Decision = Decision.ADMIT) -> Handled:
    no = None if decision is Decision.ADMIT else Objection("r", 1, "no")
    return Handled(Admission(Verdict(decision, no, (), (), True), 1, 1), outcome, Timing())  # noqa: FBT003


def refused(code: int) -> Refused:
    return Refused(META, MetaError(code, "", "", None, False, None), "")  # noqa: FBT003


ACCEPTED: Final = handled(Accepted(META, "wamid.1"))
IN_DOUBT: Final = handled(InDoubt(None, "silence"))


def response(status: int = 200) -> web.Response:
    headers = CIMultiDict({"X": "1", "Gateway-Decision": "admit", "Content-Type": "a/b"})
    headers.add("X", "\udcff")
    return web.Response(status=status, body=BODY, headers=headers)


@dataclass
class Sending:
    """A gateway's answers under keys; what is sent is written to the journal as told."""

    stock: Stock
    clock: ManualClock = field(default_factory=ManualClock)
    sent: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.process = self.another()

    def another(self) -> Idempotency:
        ids = MessageIds(Random(len(self.sent)))  # noqa: S311 - ids
        return Idempotency(self.stock.database, self.clock, ids, TERMS)

    def govern(
        self, ending: Handled | Parked | BaseException | None = ACCEPTED, status: int = 200
    ) -> Callable[[UUID], Awaitable[Governed]]:
        async def govern(message_id: UUID) -> Governed:
            self.sent.append(message_id)
            if isinstance(ending, BaseException):
                raise ending
            return Governed(response(status), ending)

        return govern

    async def ask(
        self,
        ending: Handled | Parked | BaseException | None = ACCEPTED,
        keyed: Keyed = KEYED,
        status: int = 200,
    ) -> web.Response:
        return await self.process.answer(keyed, Audience(), self.govern(ending, status))

    async def die(self) -> UUID:
        """Have a process go away in the middle of a send."""
        with pytest.raises(asyncio.CancelledError):
            await self.ask(asyncio.CancelledError())
        self.clock.advance(TERMS.lease)
        return self.sent[-1]

    async def journal(self, message_id: UUID, state: str, **columns: object) -> None:
        row = journal_row(message_id, ANNA, NOW)
        names = ("pool_id", "message_id", "created_at", "app_id", "phone_number_id", "user_id")
        await self.stock.fetch(
            f"insert into messages ({', '.join(names)}, type, business_initiated, decision, state,"  # noqa: S608
            " correlated, wamid, code, detail, rule, retry_at) values"
            " ($1, $2, $3, $4, $5, $6, 'text', true, 'admit', $7, true, $8, $9, $10, $11, $12)",
            *(getattr(row, name) for name in names),
            state,
            *(columns.get(name) for name in ("wamid", "code", "detail", "rule", "retry_at")),
        )
