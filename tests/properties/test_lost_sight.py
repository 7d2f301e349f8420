"""What the database has not said it has written is sent once, and at once.

A process that has not heard whether its decision is written notes that it has sent nothing. The
note may come as late as when the message is on its way once more, and is not to be taken for that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from uuid import UUID

import pytest

from gateway.outbound.parcels import Wishes
from gateway.policy.retry import FIRST
from gateway.store import outbox, quota
from gateway.store.errors import StoreUnavailableError
from tests.outbound.making import user
from tests.outbound.office import Office, give_token, office, running
from tests.policy.making import HOUR, NOW, SECOND_POOL
from tests.store.stocked import Stock

__all__ = ["office"]


@contextmanager
def silent(
    patch: pytest.MonkeyPatch, module: ModuleType, name: str, *, written: bool = True
) -> Iterator[None]:
    """Have the database go away before it says whether it has written something; all or nothing."""
    write = getattr(module, name)

    async def unheard(*about: object) -> None:
        if written:
            await write(*about)
        raise StoreUnavailableError("gone")

    with patch.context() as patched:
        patched.setattr(module, name, unheard)
        yield


async def taken(office: Office, *, claimed: bool) -> UUID:
    """Have a message decided on, as it comes or as it is released; return its id."""
    if claimed:
        message = await office.park()
        assert await office.releaser.run_once() == 1
        await office.releaser.close()
        return message
    with pytest.raises(StoreUnavailableError):
        await office.take(wishes=Wishes(responds_async=True))
    (row,) = await office.stock.fetch("select message_id from outbox")
    found: UUID = row["message_id"]
    return found


@pytest.mark.parametrize(
    ("claimed", "written", "admitted"),
    [
        (True, False, True),
        (True, True, True),
        (True, True, False),
        (False, True, True),
        (False, True, False),
    ],
)
async def test_it_is_sent_once_and_the_late_note_is_not_taken_for_an_answer(
    stock: Stock, monkeypatch: pytest.MonkeyPatch, *, claimed: bool, written: bool, admitted: bool
) -> None:
    office = Office(stock.database)
    await give_token(office)
    if not admitted:
        await stock.add_pool(limit=1)
        await stock.send(user(99), NOW - HOUR)
    with silent(monkeypatch, quota, "reserve", written=written):
        message = await taken(office, claimed=claimed)
    assert office.answers.behind == 1
    assert office.cloud.seen == []

    await stock.add_pool(limit=250)
    office.releaser.lift()
    office.cloud.goes.clear()
    is_on_its_way = await office.releaser.run_once() == 1
    assert is_on_its_way == (not written or not admitted)
    async with running(office):
        await office.answers.flushed()
        state = await office.state(message)
        office.cloud.goes.set()
        assert state == ("reserved" if is_on_its_way else "parked")
        await office.releaser.close()
        office.clock.advance(FIRST)
        await office.release()
        assert await office.state(message) == "accepted"
        assert await stock.parcel(message) is None
    assert len(office.cloud.seen) == 1
    assert user(1) in await stock.ledger()


async def test_a_claim_that_was_not_heard_of_is_let_go(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await office.park()
    with silent(monkeypatch, outbox, "claim"), pytest.raises(StoreUnavailableError):
        await office.release()
    with silent(monkeypatch, outbox, "let_go", written=False), pytest.raises(StoreUnavailableError):
        await office.release()
    assert await office.release() == 1
    assert await office.state(message) == "accepted"


@pytest.mark.parametrize("written", [True, False])
async def test_what_could_not_be_put_back_is_let_go(
    office: Office, monkeypatch: pytest.MonkeyPatch, *, written: bool
) -> None:
    message = await office.park()
    await office.stock.fetch("update wabas set sealed_token = null")
    await office.directory.refresh()
    with silent(monkeypatch, outbox, "put_back", written=written):
        assert await office.release() == 1
    await give_token(office)
    office.releaser.lift()
    await office.release(rounds=2)
    assert await office.state(message) == "accepted"


async def test_what_could_not_follow_its_number_is_let_go(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await office.park()
    await office.stock.add_pool(SECOND_POOL)
    async with office.stock.database.connection() as connection:
        await office.directory.refresh()
        await connection.execute("update numbers set pool_id = $1", SECOND_POOL)
    with silent(monkeypatch, outbox, "follow", written=False):
        assert await office.release() == 1
    await office.release(rounds=3)
    assert await office.state(message) == "accepted"


async def test_what_is_being_worked_on_keeps_its_claim(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = await office.park(1)
    office.line.hold(0.5)
    assert await office.releaser.run_once() == 1
    stray = await office.park(2)
    with silent(monkeypatch, outbox, "claim"), pytest.raises(StoreUnavailableError):
        await office.releaser.run_once()
    assert await office.releaser.run_once() == 1
    parcels = [await office.stock.parcel(message) for message in (working, stray)]
    assert [parcel and parcel["attempts"] for parcel in parcels] == [1, 2]
    await office.releaser.close()
    await office.answers.flushed()
    for message in (working, stray):
        assert await office.state(message) == "accepted"
