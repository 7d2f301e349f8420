"""An app that was told "waits" or "in doubt" hears how it ended, and is not left in error."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from uuid import UUID

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.cloud.outcome import InDoubt
from gateway.outbound.callbacks import CallbackParts, Callbacks
from gateway.outbound.parcels import Wishes
from gateway.outbound.standard_webhooks import secret_of
from gateway.policy.lifecycle import MessageState
from gateway.store import apps, callbacks, fates, messages, outbox
from gateway.store.apps import App, Credential
from gateway.store.messages import Progress
from tests.outbound.office import ACCEPTED, VAULT, Office, office, refused
from tests.policy.making import HOUR, NOW, POOL
from tests.store.stocked import ANNA, Stock
from tests.world import until

__all__ = ["office"]

SILENT: Final = InDoubt(None, "no answer within 30 s", timed_out=True)
WAITS: Final = Wishes(responds_async=True)
SECRET: Final = secret_of(bytes(32))
SOON_S: Final = 3.0


@dataclass
class Door:
    """The endpoint of an app: what it was told, and whether it answers at all."""

    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    opens: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.BaseRequest) -> web.Response:
        self.told.append((request.headers["webhook-id"], orjson.loads(await request.read())))
        await self.opens.wait()
        return web.Response(status=204)

    @property
    def events(self) -> list[str]:
        return [content["type"] for _, content in self.told]


@asynccontextmanager
async def door_of(
    stock: Stock, app_id: str = "shop", *, is_open: bool = True
) -> AsyncIterator[Door]:
    """Give an app an endpoint."""
    door = Door()
    if is_open:
        door.opens.set()
    app = web.Application()
    app.router.add_post("/", door.handle)
    async with TestServer(app) as server:
        async with stock.database.connection() as connection:
            known = App(app_id, app_id, app_id.encode(), Credential.GATEWAY_KEY)
            await apps.put(connection, known, NOW)
            await connection.execute(
                "update apps set callback_url = $2, sealed_callback_secret = $3 where app_id = $1",
                app_id,
                str(server.make_url("/")),
                VAULT.seal(SECRET),
            )
        try:
            yield door
        finally:
            door.opens.set()


@asynccontextmanager
async def telling(office: Office) -> AsyncIterator[Callbacks]:
    parts = CallbackParts(
        office.stock.database,
        VAULT,
        office.clock,
        office.metrics,
        Random(1),  # noqa: S311 - jitter, not secrets
    )
    told = Callbacks.open(parts)
    try:
        yield told
    finally:
        await told.close()


async def tell(office: Office) -> None:
    """Deliver what is owed now."""
    async with telling(office) as told:
        await told.run_once()


async def status(office: Office, message_id: UUID, state: MessageState) -> None:
    """Have Meta tell of a message."""
    now = office.clock.now()
    wamid = f"wamid.{message_id.hex}"
    move = Progress(
        pool_id=POOL,
        message_id=message_id,
        state=state,
        wamid=wamid,
        settles=False,
        code=None,
        detail=None,
        sent_at=now,
        delivered_at=None,
        read_at=None,
        failed_at=None,
    )
    async with office.stock.database.transaction() as connection:
        await messages.record_progress(connection, [move], now)


async def owed(office: Office) -> list[UUID]:
    rows = await office.stock.fetch("select message_id from callbacks")
    return [row["message_id"] for row in rows]


# --- in doubt, and resolved before the app was told of the doubt


async def test_a_status_that_comes_before_the_doubt_is_told(office: Office) -> None:
    """Meta has taken it and tells so within a second; the answer is waited for, for 30."""
    async with door_of(office.stock) as door:
        office.cloud.outcome = SILENT
        office.cloud.goes.clear()
        taking = asyncio.create_task(office.take(1))

        async def is_on_its_way() -> bool:
            return len(office.cloud.seen) == 1

        await until(is_on_its_way, "a message on its way")
        message_id = await office.stock.value("select message_id from messages")
        await status(office, message_id, MessageState.SENT)
        office.cloud.goes.set()
        _, handled = await taking
        assert handled.outcome == SILENT, "the app is told 504: in doubt"  # type: ignore[union-attr]
        await office.answers.flushed()
        assert await office.state(message_id) == "sent"
        await tell(office)
        assert door.events == ["message.sent"]


async def test_an_answer_that_a_status_has_overtaken_is_no_news(office: Office) -> None:
    """The other way round: its app has the answer, and needs no event."""
    async with door_of(office.stock) as door:
        office.cloud.goes.clear()
        taking = asyncio.create_task(office.take(1))

        async def is_on_its_way() -> bool:
            return len(office.cloud.seen) == 1

        await until(is_on_its_way, "a message on its way")
        message_id = await office.stock.value("select message_id from messages")
        await status(office, message_id, MessageState.SENT)
        office.cloud.goes.set()
        await taking
        await office.answers.flushed()
        await tell(office)
        assert door.events == []


# --- what Meta tells of, whatever the app was told


async def test_what_waits_and_has_arrived_all_the_same_is_told(office: Office) -> None:
    async with door_of(office.stock) as door:
        office.cloud.outcome = refused(130429)
        message_id, _ = await office.take(1, WAITS)
        await office.answers.flushed()
        assert await office.state(message_id) == "parked", "the app is told 202"
        await status(office, message_id, MessageState.DELIVERED)
        await tell(office)
        assert door.events == ["message.sent"]


@pytest.mark.parametrize("ending", ["refused", "expired", "cancelled", "turned_away"])
async def test_who_was_told_that_it_failed_is_told_that_it_has_arrived(
    office: Office, ending: str
) -> None:
    """The journal believes it; an app that does not hear of it sends another."""
    async with door_of(office.stock) as door:
        office.cloud.outcome = refused(130429)
        message_id, _ = await office.take(1, WAITS)
        await office.answers.flushed()
        if ending == "refused":
            office.cloud.outcome = refused(131026)
            office.clock.advance(HOUR)
            await office.release()
        else:
            await office.stock.fetch("delete from outbox")
            await office.stock.state(message_id, ending)
        await tell(office)
        assert len(door.told) == 1
        assert await office.state(message_id) == ending
        await status(office, message_id, MessageState.DELIVERED)
        await tell(office)
        assert door.events[1:] == ["message.sent"]


async def test_who_was_told_after_a_doubt_that_it_failed_is_told_that_it_has_arrived(
    office: Office,
) -> None:
    async with door_of(office.stock) as door:
        office.cloud.outcome = SILENT
        message_id, _ = await office.take(1)
        await office.answers.flushed()
        await status(office, message_id, MessageState.FAILED)
        await tell(office)
        await status(office, message_id, MessageState.DELIVERED)
        await tell(office)
        assert door.events == ["message.failed", "message.sent"]


# --- once, and each app for itself


async def test_what_is_tried_again_meanwhile_is_told_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal that lets it wait is nobody's business; what it leaves behind tells of the next."""
    async with door_of(office.stock) as door, telling(office) as told:
        message_id = await office.park(1)
        office.cloud.outcome = refused(130429)
        await office.release()
        assert await office.state(message_id) == "parked"
        read = fates.fates

        async def late(connection: Any, ids: Any) -> Any:
            office.cloud.outcome = ACCEPTED
            office.clock.advance(HOUR)
            await office.release()
            return await read(connection, ids)

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr("gateway.outbound.callbacks.fates", late)
            await told.run_once()
        await office.release()
        await told.run_once()
        await told.close()
        assert door.events == ["message.sent"]


async def test_apps_whose_doors_hang_hold_up_no_other(office: Office) -> None:
    """However many there are: a session has no more than a hundred connections by default."""
    many, each = 7, 16
    async with telling(office) as told:
        hanging = []
        for n in range(many):
            opened = door_of(office.stock, f"app-{n}", is_open=False)
            hanging.append((opened, await opened.__aenter__()))
            for _ in range(each):
                await expired(office.stock, f"app-{n}")
        assert await told.run_once() == many * each
        async with door_of(office.stock) as door:
            await expired(office.stock, "shop")
            assert await told.run_once() == 1

            async def is_told() -> bool:
                return door.events == ["message.expired"]

            try:
                await until(is_told, "the one whose door is open", SOON_S)
            finally:
                for _, shut in hanging:
                    shut.opens.set()
                await told.settled()
                for opened, _ in hanging:
                    await opened.__aexit__(None, None, None)


async def expired(stock: Stock, app_id: str) -> None:
    await stock.park(ANNA, NOW - HOUR, expires_at=NOW, app_id=app_id)
    async with stock.database.connection() as connection:
        await outbox.expire(connection, NOW)


# --- nothing is lost on the way


async def test_of_two_processes_one_tells(office: Office) -> None:
    async with door_of(office.stock) as door, telling(office) as one, telling(office) as other:
        for _ in range(40):
            await expired(office.stock, "shop")

        async def all_told() -> bool:
            await asyncio.gather(one.run_once(), other.run_once())
            return await owed(office) == []

        await until(all_told, "everything is told")
        ids = [event_id for event_id, _ in door.told]
        assert len(ids) == len(set(ids)) == 40


async def test_an_event_that_takes_the_place_of_one_on_its_way_is_told(office: Office) -> None:
    async with door_of(office.stock, is_open=False) as door, telling(office) as told:
        office.cloud.outcome = SILENT
        message_id, _ = await office.take(1)
        await office.answers.flushed()
        await office.stock.state(message_id, "unknown")
        await told.run_once()

        async def has_come() -> bool:
            return len(door.told) == 1

        await until(has_come, "the first at the door")
        await status(office, message_id, MessageState.SENT)
        door.opens.set()
        await told.settled()
        await told.run_once()
        await told.close()
        assert door.events == ["message.unknown", "message.sent"]
        assert len({event_id for event_id, _ in door.told}) == 2
        assert await owed(office) == []


async def test_a_process_that_is_gone_while_it_tells_loses_nothing(office: Office) -> None:
    async with door_of(office.stock) as door:
        await expired(office.stock, "shop")
        now = office.clock.now()
        async with office.stock.database.connection() as connection:
            await callbacks.claim(connection, {"shop": 1}, now, now + HOUR)
        await tell(office)
        assert door.events == []
        office.clock.advance(HOUR)
        await tell(office)
        assert door.events == ["message.expired"]
