from uuid import UUID

from gateway.policy.lifecycle import MessageState
from gateway.store import fates
from tests.policy.making import HOUR, NOW
from tests.store.stocked import ANNA, Stock


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
