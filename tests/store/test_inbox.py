from gateway.store import inbox
from tests.policy.making import HOUR, NOW
from tests.store.stocked import Stock


async def append(stock: Stock, *bodies: bytes) -> None:
    async with stock.database.connection() as connection:
        for body in bodies:
            await inbox.append(connection, NOW, body)


async def test_deliveries_are_kept_byte_for_byte_and_read_oldest_first(stock: Stock) -> None:
    await append(stock, b"one", b"\x00\xff two")
    async with stock.database.transaction() as connection:
        claimed = await inbox.claim(connection, 10)
    assert [(each.received_at, each.body) for each in claimed] == [
        (NOW, b"one"),
        (NOW, b"\x00\xff two"),
    ]


async def test_two_readers_never_hold_the_same_delivery(stock: Stock) -> None:
    await append(stock, b"one", b"two", b"three")
    async with stock.database.transaction() as first, stock.database.transaction() as second:
        one = await inbox.claim(first, 2)
        other = await inbox.claim(second, 2)
    assert [each.body for each in one] == [b"one", b"two"]
    assert [each.body for each in other] == [b"three"]


async def test_what_a_reader_gave_up_is_there_for_the_next(stock: Stock) -> None:
    await append(stock, b"one")
    for _ in range(2):
        async with stock.database.transaction() as connection:
            assert [each.body for each in await inbox.claim(connection, 2)] == [b"one"]


async def test_what_was_digested_is_not_read_again(stock: Stock) -> None:
    await append(stock, b"one", b"two")
    async with stock.database.transaction() as connection:
        first, _ = await inbox.claim(connection, 2)
        await inbox.mark_digested(connection, NOW + HOUR, [(first.delivery_id, None)])
    async with stock.database.transaction() as connection:
        assert [each.body for each in await inbox.claim(connection, 2)] == [b"two"]
        assert await inbox.backlog(connection) == 1


async def test_problems_are_shown_newest_first_page_by_page(stock: Stock) -> None:
    await append(stock, b"one", b"two", b"three")
    async with stock.database.transaction() as connection:
        one, two, three = [each.delivery_id for each in await inbox.claim(connection, 3)]
        marks = [(one, "not JSON"), (two, None), (three, "no entry")]
        await inbox.mark_digested(connection, NOW, marks)
        (newest,) = await inbox.problems(connection, None, 1)
        assert (newest["problem"], newest["body"]) == ("no entry", b"three")
        (older,) = await inbox.problems(connection, newest["delivery_id"], 10)
        assert older["problem"] == "not JSON"
        assert await inbox.backlog(connection) == 0
