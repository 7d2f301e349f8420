"""What an operator redrives is tried as often as what has just been parked."""

from gateway.policy.retry import MOST_ATTEMPTS
from gateway.store import backlog
from gateway.store.backlog import Deed, Order, ParcelFilter
from tests.outbound.office import ACCEPTED, Office, office, refused
from tests.policy.making import HOUR

__all__ = ["office"]


async def test_one_refusal_for_now_does_not_bury_it_again(office: Office) -> None:
    message_id = await office.park(1)
    await office.stock.fetch("update outbox set attempts = $1", MOST_ATTEMPTS - 1)
    office.cloud.outcome = refused(130429)
    await office.release()
    assert await office.stock.value("select state from outbox") == "dead"
    now = office.clock.now()
    order = Order(Deed.REDRIVE, ParcelFilter(), now)
    assert (await backlog.do(office.stock.database, order)).affected == 1

    await office.release()
    assert await office.stock.value("select state from outbox") == "parked"
    office.clock.advance(HOUR)
    office.cloud.outcome = ACCEPTED
    await office.release()
    assert await office.state(message_id) == "accepted"
