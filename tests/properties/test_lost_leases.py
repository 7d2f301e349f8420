"""Nothing is sent twice although it was claimed twice: the desk lets only the latest lease pass."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from gateway.metrics import Metrics
from gateway.outbound.admission import AdmissionDesk, LeaseLostError
from gateway.outbound.submission import Admission, Submission
from gateway.policy.parcel import RANKS
from gateway.policy.send_class import SendClass
from gateway.store import outbox
from gateway.store.outbox import Group, Lease
from tests.outbound.making import parcel, submission, user
from tests.outbound.office import Office, office, running
from tests.policy.making import KNOBS, NOW, NUMBER
from tests.store.stocked import ManualClock, Stock

__all__ = ["office"]

FIRST = Lease(UUID(int=1), NOW, NOW + timedelta(seconds=60))
LATER = FIRST._replace(now=FIRST.until, until=FIRST.until + timedelta(seconds=60))
GROUP = Group(NUMBER, RANKS[SendClass.UTILITY], "shop", "")


async def claim(stock: Stock, lease: Lease) -> Submission:
    """Claim the only parcel there is, after freeing what has lapsed by then."""
    async with stock.database.connection() as connection:
        await outbox.rescue(connection, lease.now)
        (one,) = await outbox.claim(connection, {GROUP: 1}, lease)
    packed = parcel(attempts=one.attempts, expires_at=one.expires_at)
    return submission()._replace(message_id=one.message_id, parcel=packed, lease=lease)


async def submit(stock: Stock, claims: Sequence[Submission]) -> list[Admission | BaseException]:
    desk = AdmissionDesk(stock.database, ManualClock(LATER.now), KNOBS, Metrics())
    return await asyncio.gather(*map(desk.submit, claims), return_exceptions=True)


@pytest.mark.parametrize("late", [FIRST._replace(process_id=UUID(int=2)), FIRST])
@pytest.mark.parametrize("order", [1, -1])
async def test_of_two_claims_in_one_batch_the_latest_is_sent(
    stock: Stock, late: Lease, order: int
) -> None:
    """One process may be both: it stood still for so long that it came upon its own lease."""
    await stock.park()
    claims = [await claim(stock, late), await claim(stock, LATER)]
    answers = await submit(stock, claims[::order])
    lost, sent = answers[::order]
    assert isinstance(lost, LeaseLostError)
    assert isinstance(sent, Admission)
    assert [row["state"] for row in await stock.fetch("select state from outbox")] == ["sending"]


async def test_a_claim_that_comes_after_the_other_was_sent_is_lost(stock: Stock) -> None:
    await stock.park()
    claims = [await claim(stock, FIRST), await claim(stock, LATER)]
    (sent,) = await submit(stock, claims[1:])
    assert isinstance(sent, Admission)
    (lost,) = await submit(stock, claims[:1])
    assert isinstance(lost, LeaseLostError)


async def test_two_processes_send_each_message_once(office: Office) -> None:
    messages = [await office.park(number) for number in range(60)]
    async with running(Office(office.stock.database, process=2)) as second:

        async def work(one: Office) -> None:
            while await office.stock.value("select count(*) from outbox"):
                await one.release()

        await asyncio.wait_for(asyncio.gather(work(office), work(second)), 30)
        sent = office.cloud.users + second.cloud.users
        assert min(len(office.cloud.users), len(second.cloud.users)) > 0
    assert sorted(sent) == sorted(user(number) for number in range(60))
    assert {await office.state(message) for message in messages} == {"accepted"}
