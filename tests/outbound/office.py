"""Puts courier, releaser and desk on a database, with a cloud that answers as it is told."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson
import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.cloud.client import CloudClient
from gateway.cloud.outcome import Accepted, Answer, Outcome, Refused
from gateway.metrics import Metrics
from gateway.outbound.admission import AdmissionDesk
from gateway.outbound.answers import AnswerWriter
from gateway.outbound.audience import Audience
from gateway.outbound.contents import Contents, pack
from gateway.outbound.courier import Courier, CourierParts
from gateway.outbound.dispatch import Dispatcher, DispatchParts, Handled, Request
from gateway.outbound.pacing import Line, Pacing
from gateway.outbound.parcels import Packer, Parked, Wishes
from gateway.outbound.parking import Parking
from gateway.outbound.release import ReleaseParts, Releaser
from gateway.outbound.settling import Settlement
from gateway.outbound.submission import Submission
from gateway.policy.fold import Candidate
from gateway.policy.knobs import Knobs
from gateway.store import apps
from gateway.store.database import Database
from gateway.store.directory import Directory
from gateway.store.vault import Vault
from gateway.whatsapp.callback import wrap
from gateway.whatsapp.error_shape import MetaError
from gateway.whatsapp.message import Message, parse
from tests.builders import template_body
from tests.outbound.making import UNANSWERED, new_id, user
from tests.policy.making import KEY, KNOBS, NUMBER, POOL, WABA
from tests.store.stocked import ManualClock, Stock

META: Final = Answer(200, CIMultiDictProxy(CIMultiDict()), b"{}")
ACCEPTED: Final = Accepted(META, "wamid.made-up")
UNREACHABLE: Final = Refused(None, None, "the Cloud API cannot be reached")
LONGEST: Final = timedelta(days=7)
VAULT: Final = Vault("a long key")


def refused(code: int) -> Refused:
    """Make a refusal of Meta's."""
    error = MetaError(code, f"(#{code}) No.", "", None, False, None)  # noqa: FBT003
    return Refused(META._replace(status=400), error, f"{code}: no")


@dataclass
class StubCloud(CloudClient):
    """A cloud that answers as told, when it is told to."""

    outcome: Outcome = ACCEPTED
    seen: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    goes: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.goes.set()

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Take a message."""
        self.seen.append((path, body, headers))
        await self.goes.wait()
        return self.outcome

    @property
    def users(self) -> list[str]:
        """Whom it was sent messages for, in the order in which they came."""
        return [orjson.loads(body)["to"].removeprefix("+") for _, body, _ in self.seen]


def body_to(number: int, message_id: UUID, name: str = KEY.name) -> bytes:
    """Make the body of a template to the user with this number, with our mark."""
    mark = wrap(message_id.hex, None)
    body = template_body(f"+{user(number)}", name)
    return orjson.dumps(body | {"biz_opaque_callback_data": mark})


class Office:
    """One process; `process` tells several on one database apart."""

    def __init__(self, database: Database, *, knobs: Knobs = KNOBS, process: int = 1) -> None:
        self.stock = Stock(database)
        self.clock, self.cloud, self.metrics = ManualClock(), StubCloud(), Metrics()
        self.process_id = UUID(int=process)
        self.pacing = Pacing()
        self.directory = Directory(database, VAULT)
        self.answers = AnswerWriter(database, self.clock, knobs, self.metrics)
        self.settlement = Settlement(
            database, lambda: self.pacing.lines, self.process_id, self.clock
        )
        desk = AdmissionDesk(database, self.clock, knobs, self.metrics)
        self.dispatcher = Dispatcher(
            DispatchParts(
                desk,
                self.cloud,
                self.answers,
                self.settlement,
                self.clock,
                self.metrics,
                UNANSWERED,
            )
        )
        self.courier = Courier(
            CourierParts(self.dispatcher, Parking(database), Packer(VAULT, LONGEST), self.clock)
        )
        self.releaser = Releaser(
            ReleaseParts(
                database,
                self.directory,
                self.dispatcher,
                self.pacing,
                VAULT,
                self.clock,
                self.metrics,
            ),
            self.process_id,
        )
        self.woken = 0
        self.releaser.on_room = self._wake

    def _wake(self) -> None:
        self.woken += 1

    @property
    def line(self) -> Line:
        """The line of the number."""
        return self.pacing.line(NUMBER, 80)

    async def take(
        self, number: int = 1, wishes: Wishes | None = None, **changes: Any
    ) -> tuple[UUID, Handled | Parked]:
        """Have a message to the user with this number taken; return its id and what became of it.

        `changes` are of the request.
        """
        message_id = new_id()
        body = body_to(number, message_id)
        message = parse(body)
        assert isinstance(message, Message)
        asked = Candidate(NUMBER, POOL, user(number), message, "shop")
        request = Request(
            Submission(message_id, "shop", asked, correlated=True),
            "/v25.0/1/messages",
            body,
            CIMultiDict({"X-Own": "kept", "Authorization": "Bearer of-the-vault"}),
            10.0,
            Audience(),
            WABA,
            own_token=False,
        )
        request = request._replace(**changes)
        taken = await self.courier.take(request, wishes or Wishes(), self.line)
        return message_id, taken

    async def park(
        self, number: int = 1, name: str = KEY.name, own_token: str | None = None, **changes: Any
    ) -> UUID:
        """Put a message to the user with this number into the outbox; `changes` as in `Stock`."""
        message_id = self.stock.ids.new(self.clock.now())
        contents = Contents(body_to(number, message_id, name), [("X-Own", "kept")], own_token)
        row = {"sealed": pack(contents, VAULT), "message_id": message_id} | changes
        return await self.stock.park(user(number), self.clock.now(), **row)

    async def release(self, rounds: int = 1) -> int:
        """Release, and wait until what was started has ended; return how many were."""
        started = 0
        for _ in range(rounds):
            started += await self.releaser.run_once()
            await self.releaser.close()
            await self.answers.flushed()
        return started

    async def state(self, message_id: UUID) -> str:
        """Return where a message is, by the journal."""
        state: str = (await self.stock.message(message_id))["state"]
        return state


async def give_token(office: Office) -> None:
    """Give an office a token to send with."""
    async with office.stock.database.connection() as connection:
        await apps.put_token(connection, WABA, VAULT.seal("of-the-vault"))
    await office.directory.refresh()


@asynccontextmanager
async def running(office: Office) -> AsyncIterator[Office]:
    """Have the answers of an office written while the context lasts."""
    await give_token(office)
    writer = asyncio.create_task(office.answers.run())
    try:
        yield office
    finally:
        await office.releaser.close()
        writer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writer


@pytest.fixture
async def office(stock: Stock) -> AsyncIterator[Office]:
    """Return an office on a stocked database."""
    async with running(Office(stock.database)) as opened:
        yield opened
