from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.cloud.client import CloudClient, CloudError
from gateway.store import apps, pools, templates
from gateway.store.directory import Directory
from gateway.store.numbers import NumberRow
from gateway.store.pools import LimitSource, PoolSettings
from gateway.store.vault import Vault
from gateway.watch.poller import LEAST_PAUSE, Poller, heard
from gateway.whatsapp.ids import WabaId
from gateway.whatsapp.number import NumberStatus, QualityRating, Regime
from tests.policy.making import (
    DAY,
    HOUR,
    KNOBS,
    NOW,
    NUMBER,
    POOL,
    SECOND_NUMBER,
    WABA,
    number,
)
from tests.store.stocked import EARLY, ManualClock, Stock

OTHER_WABA = WabaId("100000000000002")
TOKEN = "EAAmade-up"
TEMPLATE = {
    "id": "7001",
    "name": "order_update",
    "language": "en-US",
    "category": "UTILITY",
    "status": "PAUSED",
}


@dataclass
class StubGraph(CloudClient):
    """Nodes and lists as told; what is not told of is refused."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    lists: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    async def get_number(self, phone_number_id: str, token: str) -> Mapping[str, Any]:
        self.tokens.add(token)
        if phone_number_id not in self.nodes:
            raise CloudError("HTTP 400: no such node")
        return self.nodes[phone_number_id]

    async def get_templates(self, waba_id: str, token: str) -> list[Mapping[str, Any]]:
        self.tokens.add(token)
        if waba_id not in self.lists:
            raise CloudError("HTTP 403: not allowed")
        return self.lists[waba_id]


def graph() -> StubGraph:
    node = {"status": "CONNECTED", "quality_rating": "GREEN"}
    return StubGraph({NUMBER: dict(node), SECOND_NUMBER: dict(node)}, {WABA: [TEMPLATE]})


async def poller_of(stock: Stock, cloud: StubGraph) -> tuple[Poller, list[int]]:
    vault, told = Vault("a long key"), list[int]()
    async with stock.database.connection() as connection:
        await apps.put_token(connection, WABA, vault.seal(TOKEN))
    directory = Directory(stock.database, vault)
    await directory.refresh()
    poller = Poller(stock.database, directory, cloud, ManualClock(), KNOBS)
    poller.changed = lambda: told.append(1)
    return poller, told


async def poll(stock: Stock, cloud: StubGraph) -> int:
    poller, _ = await poller_of(stock, cloud)
    return await poller.run_once()


async def test_every_list_and_every_number_is_read_with_the_token_of_the_account(
    stock: Stock,
) -> None:
    cloud = graph()
    poller, told = await poller_of(stock, cloud)
    assert await poller.run_once() == 3
    assert cloud.tokens == {TOKEN}
    assert told == [1]
    row = await stock.number()
    assert row.facts.quality_rating is QualityRating.GREEN
    assert (row.polled_at, row.status_at, row.quality_at) == (NOW, NOW, NOW)
    async with stock.database.connection() as connection:
        (listed,) = await templates.of_waba(connection, WABA)
    assert (listed["language"], listed["status"], listed["category"]) == (
        "en_US",
        "PAUSED",
        "UTILITY",
    )


@pytest.mark.parametrize(
    ("told", "ttl_s"),
    [
        ({}, None),
        ({"message_send_ttl_seconds": 600}, 600),
        ({"message_send_ttl_seconds": -1}, 30 * 86_400),
        ({"message_send_ttl_seconds": 10**12}, 30 * 86_400),
        ({"message_send_ttl_seconds": 0}, None),
        ({"message_send_ttl_seconds": True}, None),
        ({"message_send_ttl_seconds": "600"}, None),
    ],
)
async def test_a_templates_validity_is_kept(
    stock: Stock, told: dict[str, Any], ttl_s: int | None
) -> None:
    cloud = graph()
    cloud.lists[WABA] = [TEMPLATE | told]
    await poll(stock, cloud)
    async with stock.database.connection() as connection:
        (listed,) = await templates.of_waba(connection, WABA)
    assert listed["ttl_s"] == ttl_s


async def test_a_reading_is_seen_by_every_process(stock: Stock) -> None:
    before = await stock.version()
    await poll(stock, graph())
    assert (await stock.version()).epoch > before.epoch


async def test_an_account_without_a_token_is_not_polled(stock: Stock) -> None:
    await stock.add_number(NUMBER, waba_id=OTHER_WABA)
    assert await poll(stock, graph()) == 2
    assert (await stock.number()).polled_at is None


async def test_a_node_that_cannot_be_read_holds_up_no_other(stock: Stock) -> None:
    cloud = graph()
    del cloud.nodes[NUMBER]
    assert await poll(stock, cloud) == 2
    assert (await stock.number()).polled_at is None
    assert (await stock.number(SECOND_NUMBER)).polled_at == NOW


async def test_a_list_that_cannot_be_read_drops_no_template_and_holds_up_no_number(
    stock: Stock,
) -> None:
    cloud = graph()
    await poll(stock, cloud)
    del cloud.lists[WABA]
    assert await poll(stock, cloud) == 2
    async with stock.database.connection() as connection:
        assert len(await templates.of_waba(connection, WABA)) == 1


async def test_when_nothing_can_be_read_nobody_is_told(stock: Stock) -> None:
    poller, told = await poller_of(stock, StubGraph())
    assert await poller.run_once() == 0
    assert told == []


async def test_entries_without_a_name_are_passed_over(stock: Stock) -> None:
    cloud = graph()
    cloud.lists[WABA] = [{"id": "1"}, {"name": 5, "language": "es"}, TEMPLATE]
    await poll(stock, cloud)
    async with stock.database.connection() as connection:
        assert len(await templates.of_waba(connection, WABA)) == 1


@pytest.mark.parametrize(
    ("regime", "node", "limit"),
    [
        (Regime.PER_NUMBER, {"messaging_limit_tier": "TIER_1K"}, 1000),
        (Regime.PORTFOLIO, {"whatsapp_business_manager_messaging_limit": "TIER_2K"}, 2000),
        (Regime.PORTFOLIO, {"messaging_limit_tier": "TIER_1K"}, 100),
        (Regime.PER_NUMBER, {"messaging_limit_tier": "NOT_SET"}, 100),
        (Regime.PER_NUMBER, {}, 100),
    ],
)
async def test_the_limit_is_that_of_the_regime(
    stock: Stock, regime: Regime, node: dict[str, Any], limit: int
) -> None:
    await stock.add_pool(limit=100, regime=regime)
    cloud = graph()
    cloud.nodes[NUMBER] |= node
    await poll(stock, cloud)
    assert (await stock.number()).messaging_limit == limit


async def test_a_reading_does_not_lift_an_operators_limit(stock: Stock) -> None:
    async with stock.database.transaction() as connection:
        settings = PoolSettings(POOL, Regime.PORTFOLIO, 50, 0.0)
        await pools.put(connection, settings, EARLY, LimitSource.OPERATOR)
    cloud = graph()
    cloud.nodes[NUMBER]["whatsapp_business_manager_messaging_limit"] = "TIER_2K"
    await poll(stock, cloud)
    assert (await stock.number()).messaging_limit == 50


def row(regime: Regime = Regime.PER_NUMBER, **changes: Any) -> NumberRow:
    plain = NumberRow(
        number(), "+1 555-000-0001", 80, EARLY, EARLY, None, regime, 1000, 0.05, counted=0
    )
    return replace(plain, facts=replace(plain.facts, **changes))


def test_a_flag_that_is_read_starts_seven_days_once() -> None:
    node = {"status": "FLAGGED", "quality_rating": "RED"}
    first = heard(row(), node, KNOBS, NOW)
    assert first.facts.flagged_until == NOW + 7 * DAY
    assert heard(first, node, KNOBS, NOW + DAY).facts.flagged_until == NOW + 7 * DAY


def test_a_portfolio_knows_no_flag() -> None:
    told = heard(row(Regime.PORTFOLIO), {"status": "FLAGGED"}, KNOBS, NOW)
    assert told.facts.flagged_until is None


@pytest.mark.parametrize("status", ["RESTRICTED", "RATE_LIMITED"])
def test_a_number_that_meta_has_stopped_is_restricted_for_a_day(status: str) -> None:
    facts = heard(row(), {"status": status}, KNOBS, NOW).facts
    assert (facts.restricted_until, facts.restricted_by) == (NOW + DAY, "meta")


@pytest.mark.parametrize(("by", "until"), [("meta", None), ("ledger", NOW + HOUR)])
def test_connected_ends_metas_restriction_and_not_that_of_our_own_ledger(
    by: str, until: object
) -> None:
    before = row(restricted_until=NOW + HOUR, restricted_by=by, flagged_until=NOW + DAY)
    facts = heard(before, {"status": "CONNECTED"}, KNOBS, NOW).facts
    assert facts.restricted_until == until
    assert facts.flagged_until is None


def test_restricted_by_meta_too_for_the_limit_our_own_ledger_has_seen_reached() -> None:
    full = row(restricted_until=NOW + HOUR, restricted_by="ledger")
    told = heard(full, {"status": "RESTRICTED"}, KNOBS, NOW)
    again = heard(told, {"status": "RESTRICTED"}, KNOBS, NOW + HOUR)
    assert (again.facts.restricted_until, again.facts.restricted_by) == (NOW + HOUR + DAY, "limit")
    free = heard(again, {"status": "CONNECTED"}, KNOBS, NOW + DAY).facts
    assert (free.restricted_until, free.restricted_by) == (None, None)
    assert free.recovering_since is None


@pytest.mark.parametrize(
    "stopped",
    [
        {"restricted_until": NOW + HOUR, "restricted_by": "meta"},
        {"quality_rating": QualityRating.RED},
        {"status": NumberStatus.BANNED},
    ],
)
def test_a_number_that_meta_lets_go_recovers(stopped: dict[str, Any]) -> None:
    node = {"status": "CONNECTED", "quality_rating": "YELLOW"}
    freed = heard(row(**stopped), node, KNOBS, NOW)
    assert freed.facts.recovering_since == NOW
    assert heard(freed, node, KNOBS, NOW + DAY).facts.recovering_since == NOW


@pytest.mark.parametrize("node", [{}, {"status": "NEW_WORD", "quality_rating": "NA"}])
def test_what_a_node_does_not_say_stays(node: dict[str, Any]) -> None:
    before = row(flagged_until=NOW + DAY, quality_rating=QualityRating.RED)
    assert heard(before, node, KNOBS, NOW).facts == before.facts


@pytest.mark.parametrize(
    ("level", "throughput"),
    [({"level": "HIGH"}, 1000), ({"level": "STANDARD"}, 80), ({"level": "NEW"}, 33), ("x", 33)],
)
def test_the_throughput_is_that_of_the_level(level: object, throughput: int) -> None:
    before = replace(row(), throughput=33)
    assert heard(before, {"throughput": level}, KNOBS, NOW).throughput == throughput


def test_a_ban_is_believed() -> None:
    facts = heard(row(), {"status": "BANNED"}, KNOBS, NOW).facts
    assert facts.status is NumberStatus.BANNED


async def test_a_flood_of_hints_asks_meta_once_a_minute(stock: Stock) -> None:
    clock, wanted = ManualClock(), list[int]()
    directory = Directory(stock.database, Vault("a long key"))
    poller = Poller(stock.database, directory, graph(), clock, KNOBS)
    poller.wanted = lambda: wanted.append(1)
    for _ in range(100):
        poller.hasten()
    assert len(wanted) == 1
    clock.at = NOW + LEAST_PAUSE - timedelta(microseconds=1)
    poller.hasten()
    assert len(wanted) == 1
    clock.at = NOW + LEAST_PAUSE
    poller.hasten()
    assert len(wanted) == 2
