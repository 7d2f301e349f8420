from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.store.errors import StoreUnavailableError
from tests.world import SMALL, Answer, World

ANA = "+34600000001"
ODD = "made-up-odd-word"


async def get(world: World, path: str) -> Answer:
    return await world.call("GET", world.admin_url + path)


async def samples(world: World) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = await get(world, "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


async def test_health_needs_no_key_and_is_not_on_the_data_listener(world: World) -> None:
    for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
        answer = await get(world, path)
        assert (answer.status, answer.json) == (200, {"status": status})
        assert (await world.call("GET", world.data_url + path)).status == 401
    assert (await world.call("GET", world.data_url + "/metrics")).status == 401


async def test_with_the_database_away_it_is_alive_but_not_ready(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise StoreUnavailableError("database: gone")

    monkeypatch.setattr(world.gateway.database, "connection", away)
    assert (await get(world, "/healthz")).status == 200
    answer = await get(world, "/readyz")
    assert (answer.status, answer.json["status"]) == (503, "unavailable")
    assert answer.json["reason"] == "database: gone"


async def test_a_process_that_is_to_stop_is_alive_but_not_ready(world: World) -> None:
    world.gateway.drain.has_begun = True
    assert (await get(world, "/healthz")).status == 200
    answer = await get(world, "/readyz")
    assert (answer.status, answer.json) == (503, {"status": "draining"})


async def test_what_is_sent_and_refused_is_counted(world: World) -> None:
    await world.template(SMALL, ANA)
    await world.template(SMALL, ANA, "winter_offer")
    await world.text(SMALL, "+34600000002")
    found = await samples(world)
    decisions = {
        key[1]: value for key, value in found.items() if key[0] == "gateway_decisions_total"
    }
    assert decisions[(("decision", "admit"), ("rule", "none"))] == 1
    turned_away = {labels[1][1]: n for labels, n in decisions.items() if labels[0][1] != "admit"}
    assert {rule: turned_away.get(rule) for rule in ("template", "service_window")} == {
        "template": 1,
        "service_window": 1,
    }
    assert found[("gateway_requests_total", (("kind", "send"), ("status", "2xx")))] == 1
    assert found[("gateway_requests_total", (("kind", "send"), ("status", "4xx")))] == 2


async def test_labels_never_hold_what_a_caller_made_up(world: World) -> None:
    before = {name for name in await samples(world) if "requests" in name[0]}
    headers = {"Authorization": f"Bearer {world.keys.app_key}"}
    for path in (f"/{ODD}", f"/v25.0/{ODD}/messages", f"/v25.0/{SMALL}/{ODD}", f"/{ODD}/{ODD}"):
        for method in ("GET", "POST", "DELETE", ODD.upper()):
            await world.call(method, world.data_url + path, headers=headers)
    await world.send(SMALL, {"to": ANA, "messaging_product": "whatsapp", "type": ODD})
    await world.template(SMALL, ANA, ODD)
    await world.call("GET", f"{world.admin_url}/admin/v1/{ODD}")
    found = await samples(world)
    assert ODD not in str(found).lower()
    after = {name for name in found if "requests" in name[0]}
    assert len(after - before) <= 2 * 2 * 6  # kinds, total and created, classes of status
