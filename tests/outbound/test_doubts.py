from datetime import datetime, timedelta
from random import Random
from typing import NoReturn
from uuid import UUID

import orjson
import pytest

from gateway.metrics import Metrics
from gateway.outbound import doubts as module
from gateway.outbound.contents import Contents, pack, unpack
from gateway.outbound.doubts import DoubtParts, Doubts
from gateway.policy.lifecycle import MessageState
from gateway.store import doubts as store
from gateway.store import messages
from gateway.store.errors import StoreUnavailableError
from gateway.store.message_ids import MessageIds
from gateway.store.messages import Answer
from gateway.store.vault import Vault
from tests.policy.making import DAY, INSTANT, NOW, POOL
from tests.store.stocked import ANNA, ManualClock, Stock

VAULT = Vault("a long key")
PATIENCE = timedelta(seconds=120)
HEADERS = [("Content-Type", "application/json"), ("X-Twice", "1"), ("X-Twice", "2")]


def body(mark: str) -> bytes:
    return orjson.dumps(
        {
            "messaging_product": "whatsapp",
            "to": "+34600000001",
            "type": "template",
            "template": {"name": "login_code", "language": {"code": "en_US"}},
            "biz_opaque_callback_data": mark,
        }
    )


def doubts(stock: Stock, clock: ManualClock, metrics: Metrics | None = None) -> Doubts:
    ids = MessageIds(Random(3))  # noqa: S311 - ids, not secrets
    return Doubts(DoubtParts(stock.database, VAULT, clock, ids, metrics or Metrics()), PATIENCE)


async def doubted(stock: Stock, *, resends: bool = True, vault: Vault = VAULT) -> UUID:
    message_id = await stock.send(ANNA, NOW)
    await stock.sending(message_id, attempts=1)
    contents = Contents(body(f"gw1.{message_id.hex}.order-7"), HEADERS, "Bearer own")
    await stock.fetch(
        "update outbox set resends = $1, sealed = $2, send_class = 'authentication', rank = 0",
        resends,
        pack(contents, vault),
    )
    answer = Answer(POOL, message_id, MessageState.IN_DOUBT, None, None, None, NOW)
    async with stock.database.connection() as connection:
        await messages.record_answers(connection, [answer])
    return message_id


async def test_what_is_sent_once_more_is_the_same_but_for_its_mark(stock: Stock) -> None:
    first = await doubted(stock)
    clock, metrics = ManualClock(NOW + PATIENCE - timedelta(seconds=1)), Metrics()
    assert await doubts(stock, clock, metrics).run_once() == 0
    clock.advance(timedelta(seconds=1))
    assert await doubts(stock, clock, metrics).run_once() == 1
    (parcel,) = await stock.fetch("select * from outbox")
    second = await stock.message(parcel["message_id"])
    contents = unpack(parcel["sealed"], VAULT)
    assert contents == Contents(
        body(f"gw1.{second['message_id'].hex}.order-7"), HEADERS, "Bearer own"
    )
    assert (parcel["state"], parcel["resends"], parcel["rank"]) == ("parked", False, 0)
    assert (parcel["due_at"], parcel["expires_at"]) == (clock.now(), NOW + DAY)
    assert (second["state"], second["rule"], second["resend_of"]) == ("parked", "doubt", first)
    assert (second["template_name"], second["user_id"]) == ("order_update", ANNA)
    assert (await stock.message(first))["state"] == "unknown"
    count = metrics.registry.get_sample_value
    assert count("gateway_doubts_ended_total", {"end": "resent"}) == 1
    assert count("gateway_doubts_ended_total", {"end": "given_up"}) is None


@pytest.mark.parametrize(
    ("resends", "vault"), [(False, VAULT), (True, Vault("a key that nobody has any more"))]
)
async def test_what_cannot_be_sent_once_more_is_given_up(
    stock: Stock, vault: Vault, *, resends: bool
) -> None:
    first = await doubted(stock, resends=resends, vault=vault)
    metrics = Metrics()
    assert await doubts(stock, ManualClock(NOW + PATIENCE), metrics).run_once() == 1
    assert (await stock.message(first))["state"] == "unknown"
    assert await stock.value("select count(*) from outbox") == 0
    count = metrics.registry.get_sample_value
    assert count("gateway_doubts_ended_total", {"end": "given_up"}) == 1


async def test_all_that_are_old_enough_are_ended_some_at_a_time(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
    for _ in range(5):
        await doubted(stock)
    assert await doubts(stock, ManualClock(at(1))).run_once() == 5
    assert await stock.value("select count(*) from messages where state = 'unknown'") == 5
    assert await stock.value("select count(*) from outbox where state = 'parked'") == 5


async def test_after_an_outage_those_who_know_the_answers_write_first(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await doubted(stock)
    clock = ManualClock(NOW + PATIENCE)
    ending = doubts(stock, clock)

    async def away(*_arguments: object) -> NoReturn:
        raise StoreUnavailableError("away")

    with monkeypatch.context() as outage:
        outage.setattr(store, "give_up", away)
        with pytest.raises(StoreUnavailableError):
            await ending.run_once()
    clock.advance(module.RECOVERY - INSTANT)
    assert await ending.run_once() == 0
    assert (await stock.message(first))["state"] == "in_doubt"
    clock.advance(INSTANT)
    assert await ending.run_once() == 1


def at(days: int) -> datetime:
    """Return an hour before which nothing has expired."""
    return NOW + days * DAY - timedelta(seconds=1)
