"""A number that joins the pool of its portfolio takes along what waits, and what is in doubt.

Meta has moved limits from numbers to portfolios; operators follow with `POST /admin/v1/numbers`.
"""

from typing import Final

import pytest

from gateway.inbound.message_events import MessageEvents
from gateway.policy.lifecycle import MessageState
from gateway.store.messages import Answer
from gateway.whatsapp.events import DeliveryStatus
from tests.inbound.making import directory_of, status
from tests.outbound.making import user
from tests.outbound.office import Office, office
from tests.policy.making import DAY, HOUR, KNOBS, NOW, NUMBER, POOL, SECOND_POOL
from tests.store.stocked import ANNA, Stock

__all__ = ["office"]

DELIVERED: Final = DeliveryStatus.DELIVERED


async def move(stock: Stock) -> None:
    await stock.add_pool(SECOND_POOL)
    await stock.add_number(NUMBER, SECOND_POOL)


async def test_what_waits_goes_all_the_same(office: Office) -> None:
    await office.park(1)
    await move(office.stock)
    await office.directory.refresh()
    await office.release()
    office.clock.advance(HOUR)
    await office.release()
    assert office.cloud.users == [user(1)]


async def test_what_waits_is_not_left_until_it_expires(office: Office) -> None:
    message_id = await office.park(1)
    await move(office.stock)
    await office.directory.refresh()
    for _ in range(3):
        await office.release()
        office.clock.advance(DAY / 2)
    assert await office.state(message_id) != "expired"


@pytest.mark.parametrize("before", [MessageState.ACCEPTED, MessageState.IN_DOUBT])
async def test_a_status_finds_what_was_sent_before(office: Office, before: MessageState) -> None:
    """Or a code in doubt is sent once more although Meta says that it has arrived."""
    stock = office.stock
    message_id = await stock.send(ANNA, NOW)
    answer = Answer(POOL, message_id, before, None, None, None, NOW)
    office.answers.record(answer, correlated=True)
    await office.answers.flushed()
    await move(stock)
    learner = MessageEvents(await directory_of(stock), office.clock, KNOBS)
    async with stock.database.connection() as connection:
        await learner.apply(connection, [status(message_id, DELIVERED)])
    assert await office.state(message_id) == "delivered"
