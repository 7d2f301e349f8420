import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from gateway.outbound import parking as module
from gateway.outbound.parking import Parking
from gateway.store import outbox
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.store.outbox import ParkedRow
from tests.outage import Server
from tests.outbound.making import new_id, user
from tests.policy.making import NOW, NUMBER
from tests.store.stocked import Stock, parked_row


def row(number: int = 1, detail: str = "long") -> ParkedRow:
    return parked_row(new_id(), user(number), NOW, detail=detail)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many messages each write had, as they happen."""
    sizes: list[int] = []
    park = outbox.park

    async def counted(connection: object, rows: Sequence[ParkedRow]) -> None:
        sizes.append(len(rows))
        await park(connection, rows)

    monkeypatch.setattr(outbox, "park", counted)
    return sizes


async def parked(stock: Stock) -> set[object]:
    """Return what is parked, having checked that journal and outbox agree."""
    journal = await stock.fetch("select message_id from messages where state = 'parked'")
    parcels = await stock.fetch("select message_id from outbox where state = 'parked'")
    found = {each["message_id"] for each in parcels}
    assert found == {each["message_id"] for each in journal}
    return found


async def test_what_is_parked_is_durable(stock: Stock) -> None:
    one = row()
    await Parking(stock.database).park(one)
    assert await parked(stock) == {one.message_id}


async def test_who_comes_while_some_are_written_joins_the_next_write(
    stock: Stock, writes: list[int]
) -> None:
    parking = Parking(stock.database)
    rows = [row(number) for number in range(30)]
    first = asyncio.create_task(parking.park(rows[0]))
    while not writes:  # noqa: ASYNC110 - a write sets no event when it begins
        await asyncio.sleep(0)
    await asyncio.gather(first, *(parking.park(each) for each in rows[1:]))
    assert writes == [1, 29]
    assert await parked(stock) == {each.message_id for each in rows}
    await parking.park(row(99))
    assert writes == [1, 29, 1]


async def test_a_crowd_is_written_in_bites(
    stock: Stock, writes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_WRITE", 4)
    parking = Parking(stock.database)
    await asyncio.gather(*(parking.park(row(number)) for number in range(10)))
    assert writes == [4, 4, 2]
    assert len(await parked(stock)) == 10


async def test_one_that_cannot_be_written_takes_no_neighbour_along(stock: Stock) -> None:
    rows = [row(1), row(2, detail="a NUL: \0"), row(3)]
    parking = Parking(stock.database)
    told = await asyncio.gather(*(parking.park(each) for each in rows), return_exceptions=True)
    assert (told[0], told[2]) == (None, None)
    assert isinstance(told[1], asyncpg.PostgresError)
    assert await parked(stock) == {rows[0].message_id, rows[2].message_id}


async def test_who_leaves_meanwhile_keeps_nobody_from_being_told(stock: Stock) -> None:
    parking = Parking(stock.database)
    leaves, stays = (asyncio.create_task(parking.park(row(number))) for number in (1, 2))
    await asyncio.sleep(0)
    leaves.cancel()
    await stays
    assert leaves.cancelled()
    assert len(await parked(stock)) == 2


async def test_while_the_database_is_away_each_is_told_that_nothing_is_sure(
    server: Server, writes: list[int]
) -> None:
    database = await Database.open(server.url, timeout_s=5)
    try:
        stock = Stock(database)
        await stock.add_pool()
        await stock.add_number(NUMBER)
        parking = Parking(database)
        await server.stop()
        told = await asyncio.gather(
            *(parking.park(row(number)) for number in range(3)), return_exceptions=True
        )
        assert [type(each) for each in told] == [StoreUnavailableError] * 3
        await server.start()
        one = row(9)
        await parking.park(one)
        assert writes[-1] == 1
        assert await parked(stock) == {one.message_id}
    finally:
        database.terminate()
