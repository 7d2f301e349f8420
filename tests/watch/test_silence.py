from datetime import timedelta

import structlog

from gateway.metrics import Metrics
from gateway.watch.silence import SilenceWatch
from tests.policy.making import HOUR, NOW, NUMBER
from tests.store.stocked import ANNA, BEN, ManualClock, Stock

PATIENCE = timedelta(minutes=15)


async def test_silence_is_reported_once_with_a_hint_where_nothing_at_all_is_heard(
    stock: Stock,
) -> None:
    clock, metrics = ManualClock(NOW), Metrics()
    watch = SilenceWatch(stock.database, clock, metrics, PATIENCE)
    for _ in range(10):
        await stock.state(await stock.send(ANNA, NOW), "accepted")
    assert await watch.run_once() == 0
    clock.advance(PATIENCE + timedelta(seconds=1))
    with structlog.testing.capture_logs() as logs:
        assert [await watch.run_once() for _ in range(2)] == [10, 0]
    ((report),) = logs
    assert (report["phone_number_id"], report["silent"], report["taken"]) == (NUMBER, 10, 10)
    assert "webhook" in report["hint"]
    labels = {"phone_number_id": str(NUMBER)}
    assert metrics.registry.get_sample_value("gateway_silent_total", labels) == 10

    for user, status in ((ANNA, "accepted"), (BEN, "delivered")):
        await stock.state(await stock.send(user, clock.now()), status)
    clock.advance(HOUR)
    with structlog.testing.capture_logs() as logs:
        assert await watch.run_once() == 1
    assert "hint" not in logs[0]
