import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from gateway.metrics import Metrics
from gateway.outbound import answers as module
from gateway.outbound.answers import AnswerWriter
from gateway.policy.lifecycle import MessageState
from gateway.store import messages, outbox
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.store.messages import Answer
from gateway.store.outbox import Due
from tests.outage import Server
from tests.policy.making import HOUR, KNOBS, NOW, NUMBER, POOL
from tests.store.stocked import ANNA, BEN, ManualClock, Stock

ACCEPTED, REFUSED, IN_DOUBT = MessageState.ACCEPTED, MessageState.REFUSED, MessageState.IN_DOUBT


def answer(message_id: UUID, state: MessageState = ACCEPTED) -> Answer:
    wamid = f"wamid.{message_id.hex}" if state is ACCEPTED else None
    return Answer(POOL, message_id, state, wamid, None, None, NOW)


@asynccontextmanager
async def writing(
    database: Database, metrics: Metrics | None = None
) -> AsyncIterator[AnswerWriter]:
    writer = AnswerWriter(database, ManualClock(), KNOBS, metrics or Metrics())
    task = asyncio.create_task(writer.run())
    yield writer
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_answers_are_in_the_journal_when_they_are_flushed(stock: Stock) -> None:
    accepted, doubtful = await stock.send(ANNA, NOW), await stock.send(BEN, NOW)
    async with writing(stock.database) as writer:
        writer.record(answer(accepted), correlated=True)
        writer.record(answer(doubtful, IN_DOUBT), correlated=True)
        await writer.flushed()
        assert (await stock.message(accepted))["wamid"] == f"wamid.{accepted.hex}"
        assert (await stock.message(doubtful))["state"] == "in_doubt"
    assert set(await stock.ledger()) == {ANNA, BEN}


async def test_a_refusal_gives_the_slot_back(stock: Stock) -> None:
    earlier = await stock.send(ANNA, NOW - HOUR)
    refused = [await stock.send(user, NOW) for user in (ANNA, BEN)]
    async with writing(stock.database) as writer:
        for message in refused:
            writer.record(answer(message, REFUSED), correlated=True)
        await writer.flushed()
        assert await stock.ledger() == {ANNA: NOW - HOUR}
        assert (await stock.message(refused[1]))["hold"] == "released"
        assert (await stock.message(earlier))["hold"] == "reserved"


async def test_a_refusal_has_taught_its_lesson_when_it_is_flushed(stock: Stock) -> None:
    refused, accepted = await stock.send(ANNA, NOW), await stock.send(BEN, NOW)
    async with writing(stock.database) as writer:
        writer.record(answer(refused, REFUSED)._replace(code=131048), correlated=True)
        writer.record(answer(accepted), correlated=True)
        await writer.flushed()
        facts = (await stock.number()).facts
        assert (facts.spam_step, facts.spam_until) == (1, NOW + HOUR)
        assert await stock.ledger() == {BEN: NOW}


async def test_an_answer_to_a_message_that_nobody_knows_teaches_nothing(stock: Stock) -> None:
    async with writing(stock.database) as writer:
        writer.record(answer(UUID(int=9), REFUSED)._replace(code=131048), correlated=True)
        await writer.flushed()
    assert (await stock.number()).facts.spam_step == 0


async def test_a_refusal_and_what_becomes_of_the_parcel_are_written_together(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a process that dies in between would leave one that nobody tries again."""
    monkeypatch.setattr(module, "RETRY_S", 0.05)
    message = await stock.send(ANNA, NOW)
    await stock.sending(message, attempts=1)
    seen: list[str] = []
    again = outbox.again

    async def away_at_first(connection: object, waiting: list[Due]) -> None:
        seen.append((await stock.message(message))["state"])
        if len(seen) == 1:
            raise StoreUnavailableError("gone")
        await again(connection, waiting)

    monkeypatch.setattr(outbox, "again", away_at_first)
    async with writing(stock.database) as writer:
        writer.record(refusal(message, attempt=1), correlated=True)
        await writer.flushed()
    assert seen == ["reserved", "reserved"]
    assert (await stock.message(message))["state"] == "parked"
    assert await stock.value("select state from outbox") == "parked"
    assert await stock.ledger() == {}


async def test_an_answer_is_not_taken_for_that_of_a_later_attempt(stock: Stock) -> None:
    """It was written, we did not hear that it was, and the message is on its way once more."""
    message = await stock.send(ANNA, NOW)
    await stock.sending(message, attempts=2)
    async with writing(stock.database) as writer:
        writer.record(refusal(message, attempt=1), correlated=True)
        await writer.flushed()
        row = await stock.message(message)
        assert (row["state"], row["hold"]) == ("reserved", "reserved")
        assert await stock.value("select state from outbox") == "sending"
        writer.record(answer(message)._replace(attempt=2), correlated=True)
        await writer.flushed()
    assert (await stock.message(message))["state"] == "accepted"
    assert await stock.value("select count(*) from outbox") == 0


def refusal(message_id: UUID, attempt: int) -> Answer:
    """Make a refusal that lets the message be tried again."""
    refused = answer(message_id, REFUSED)
    return refused._replace(code=130429, attempt=attempt, waits_until=NOW + HOUR)


async def test_messages_without_our_mark_are_remembered_by_metas_id(stock: Stock) -> None:
    marked, unmarked = await stock.send(ANNA, NOW), await stock.send(BEN, NOW)
    async with writing(stock.database) as writer:
        writer.record(answer(marked), correlated=True)
        writer.record(answer(unmarked), correlated=False)
        await writer.flushed()
    rows = await stock.fetch("select message_id from wamids")
    assert [row["message_id"] for row in rows] == [unmarked]


async def test_there_is_nothing_to_wait_for_when_nothing_was_recorded(stock: Stock) -> None:
    await AnswerWriter(stock.database, ManualClock(), KNOBS, Metrics()).flushed()


async def test_what_is_left_is_written_on_the_way_out(stock: Stock) -> None:
    message = await stock.send(ANNA, NOW)
    async with writing(stock.database) as writer:
        await asyncio.sleep(0)
        writer.record(answer(message), correlated=True)
    assert (await stock.message(message))["state"] == "accepted"


async def test_many_answers_are_written_in_bites(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_WRITE", 3)
    sent = [await stock.send(ANNA, NOW) for _ in range(8)]
    sizes: list[int] = []
    record = messages.record_answers

    async def counted(connection: object, batch: list[Answer]) -> None:
        sizes.append(len(batch))
        await record(connection, batch)

    monkeypatch.setattr(messages, "record_answers", counted)
    async with writing(stock.database) as writer:
        for message in sent:
            writer.record(answer(message), correlated=True)
        await writer.flushed()
    assert sizes == [3, 3, 2]


async def test_an_answer_that_does_not_fit_holds_up_no_other(stock: Stock) -> None:
    """Meta's words are Meta's: a NUL or a code beyond 32 bits is not for PostgreSQL."""
    sent = [await stock.send(user, NOW) for user in (ANNA, BEN, ANNA, BEN)]
    odd = [
        answer(sent[0])._replace(detail="\0"),
        answer(sent[1], REFUSED)._replace(code=2**40, detail="no"),
    ]
    async with writing(stock.database) as writer:
        for each in (*odd, answer(sent[2])):
            writer.record(each, correlated=True)
        await writer.flushed()
        writer.record(answer(sent[3]), correlated=True)
        await writer.flushed()
    states = [(await stock.message(message))["state"] for message in sent]
    assert states == ["accepted", "refused", "accepted", "accepted"]
    assert (await stock.message(sent[1]))["hold"] == "released"


async def test_nothing_is_lost_while_the_database_is_away(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.05)
    database = await Database.open(server.url, timeout_s=5)
    metrics, tried = Metrics(), asyncio.Event()
    monkeypatch.setattr(metrics.store_away, "inc", tried.set)
    try:
        stock = Stock(database)
        await stock.add_pool()
        await stock.add_number(NUMBER)
        sent = [await stock.send(user, NOW) for user in (ANNA, BEN)]
        async with writing(database, metrics) as writer:
            await server.stop()
            writer.record(answer(sent[0]), correlated=True)
            writer.record(answer(sent[1], REFUSED), correlated=True)
            flushed = asyncio.create_task(writer.flushed())
            async with asyncio.timeout(20):
                await tried.wait()
            assert (flushed.done(), writer.behind) == (False, 2)
            await server.start()
            await asyncio.wait_for(flushed, 20)
            assert writer.behind == 0
        assert (await stock.message(sent[0]))["state"] == "accepted"
        assert set(await stock.ledger()) == {ANNA}
        assert metrics.registry.get_sample_value("gateway_answers_behind") == 0
    finally:
        database.terminate()
