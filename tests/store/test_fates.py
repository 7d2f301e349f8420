from uuid import UUID

import pytest

from gateway.policy.lifecycle import MessageState
from gateway.store import fates
from tests.policy.making import HOUR, NOW, POOL
from tests.store.stocked import ANNA, Stock


async def cancel(stock: Stock, message_id: UUID) -> bool:
    async with stock.database.connection() as connection:
        return await fates.cancel(connection, POOL, message_id)


async def test_journal_and_outbox_are_shown_side_by_side(stock: Stock) -> None:
    sent = await stock.send(ANNA, NOW)
    parked = await stock.park(due_at=NOW + HOUR, resend_of=sent)
    async with stock.database.connection() as connection:
        found = await fates.fates(connection, [sent, parked, UUID(int=7)])
    first, second = sorted(found, key=lambda fate: fate.message_id != sent)
    assert (first.message_id, first.state, first.due_at) == (sent, MessageState.RESERVED, None)
    assert (first.resent_as, first.app_id) == (parked, "shop")
    assert (second.state, second.parcel_state) == (MessageState.PARKED, "parked")
    assert (second.due_at, second.waits_for, second.resend_of) == (NOW + HOUR, "throughput", sent)


@pytest.mark.parametrize("state", ["parked", "held"])
async def test_what_waits_is_called_off(stock: Stock, state: str) -> None:
    message_id = await stock.park()
    await stock.fetch("update outbox set state = $1", state)
    assert await cancel(stock, message_id)
    assert (await stock.message(message_id))["state"] == "cancelled"
    assert await stock.parcel(message_id) is None
    assert not await cancel(stock, message_id)


async def test_what_is_claimed_or_on_its_way_is_not_called_off(stock: Stock) -> None:
    claimed = await stock.park()
    await stock.fetch("update outbox set leased_by = $1, leased_until = $2", UUID(int=1), NOW)
    sending = await stock.send(ANNA, NOW)
    await stock.sending(sending, attempts=1)
    for message_id in (claimed, sending):
        assert not await cancel(stock, message_id)
        assert await stock.parcel(message_id) is not None
