"""P1 although the clocks of processes differ: slots age by the clock that is ahead."""

from datetime import datetime, timedelta

from gateway.metrics import Metrics
from gateway.outbound.admission import AdmissionDesk
from gateway.policy.verdict import Decision
from gateway.store import quota
from tests.outbound.making import submission, user
from tests.policy.making import DAY, INSTANT, KNOBS, NOW, POOL
from tests.store.stocked import ManualClock, Stock

AHEAD = timedelta(seconds=90)


def desk(stock: Stock, at: datetime) -> AdmissionDesk:
    return AdmissionDesk(stock.database, ManualClock(at), KNOBS, Metrics())


async def test_a_process_that_is_behind_decides_by_the_hour_of_the_one_that_is_ahead(
    stock: Stock,
) -> None:
    await desk(stock, NOW + AHEAD).submit(submission(1))
    late = submission(2)
    await desk(stock, NOW).submit(late)
    assert await stock.ledger() == dict.fromkeys((user(1), user(2)), NOW + AHEAD)
    assert (await stock.message(late.message_id))["created_at"] == NOW + AHEAD
    await desk(stock, NOW + AHEAD + INSTANT).submit(submission(3))
    assert (await stock.ledger())[user(3)] == NOW + AHEAD + INSTANT


async def test_who_was_swept_by_the_one_that_is_ahead_makes_room_from_that_hour_on(
    stock: Stock,
) -> None:
    await stock.fetch("update pools set messaging_limit = 1, headroom = 0, epoch = epoch + 1")
    await stock.send(user(1), NOW)
    async with stock.database.connection() as connection:
        await quota.expire(connection, POOL, NOW, NOW + DAY)
    admission = await desk(stock, NOW + DAY - AHEAD).submit(submission(2))
    assert admission.verdict.decision is Decision.ADMIT
    assert await stock.ledger() == {user(2): NOW + DAY}
