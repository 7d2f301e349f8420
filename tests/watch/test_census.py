from gateway.metrics import Metrics
from gateway.policy.send_class import SendClass
from gateway.watch.census import Census
from tests.store.stocked import Stock

C = SendClass


def parked(metrics: Metrics, send_class: SendClass) -> float | None:
    return metrics.registry.get_sample_value("gateway_parked", {"send_class": send_class})


async def test_what_waits_is_told_by_class(stock: Stock) -> None:
    metrics = Metrics()
    for send_class in (C.MARKETING, C.MARKETING, C.UTILITY):
        await stock.park(send_class=send_class)
    assert await Census(stock.database, metrics).run_once() == 3
    assert {each: parked(metrics, each) for each in C} == dict.fromkeys(C, 0) | {
        C.MARKETING: 2,
        C.UTILITY: 1,
    }


async def test_what_waits_no_more_is_not_told_any_more(stock: Stock) -> None:
    metrics = Metrics()
    census = Census(stock.database, metrics)
    await stock.park(send_class=C.MARKETING)
    await census.run_once()
    await stock.fetch("delete from outbox")
    assert await census.run_once() == 0
    assert parked(metrics, C.MARKETING) == 0
