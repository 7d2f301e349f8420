import json
from datetime import datetime
from itertools import islice
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.cli import demo
from gateway.config import load
from gateway.whatsapp.ids import PhoneNumberId
from tests.builders import users
from tests.web.asking import assert_refused
from tests.world import DAY_S, MIDDLE, PORTFOLIO, SMALL, WARMING, MakeWorld, World

ANA, BEN = "+34600000001", "+34600000002"
NEW = {
    "phone_number_id": "200000000000009",
    "pool_id": "200000000000009",
    "waba_id": "100000000000009",
    "display_phone_number": "+1 555-000-1009",
}


async def test_every_number_is_listed(world: World) -> None:
    listed = [each["phone_number_id"] for each in (await world.admin("/numbers"))["numbers"]]
    assert sorted(listed) == sorted(number.phone_number_id for number in demo.NUMBERS)


@pytest.mark.parametrize(
    ("body", "status", "names"),
    [
        (NEW, 404, NEW["pool_id"]),
        (NEW | {"access_token": "a\r\nX: b"}, 400, "access_token"),
        (NEW | {"is_new": "perhaps"}, 400, "is_new"),
    ],
)
async def test_a_number_that_makes_no_sense_is_not_added(
    world: World, body: Any, status: int, names: str
) -> None:
    await assert_refused(world, ("POST", "/numbers", body), status, names)


async def test_a_number_is_added_to_a_pool_and_may_move_to_another(world: World) -> None:
    pool_id = NEW["pool_id"]
    await world.admin(f"/pools/{pool_id}", {"regime": "per_number", "messaging_limit": 250})
    added = await world.admin("/numbers", NEW | {"access_token": "EAAmade-up"})
    assert (added["pool_id"], added["messaging_limit"]) == (pool_id, 250)
    assert "EAAmade-up" not in json.dumps(added)
    # Routed at once: the emulator does not know the number, so it is Meta that says no.
    sent = await world.template(NEW["phone_number_id"], ANA)
    assert sent.headers["Gateway-Decision"] in {"upstream", "reject"}
    assert sent.status != 404 or sent.rule != "account"
    moved = await world.admin("/numbers", NEW | {"pool_id": PORTFOLIO})
    assert (moved["pool_id"], moved["regime"]) == (PORTFOLIO, "portfolio")


async def test_restrictions_of_the_account_are_shown_until_they_end(world: World) -> None:
    waba_id = demo.NUMBERS[0].waba_id
    kind = "RESTRICTED_BIZ_INITIATED_MESSAGING"
    body = {"waba_id": waba_id, "restriction_type": kind, "duration_s": 3600}
    await world.steer("/restrictions", body)
    await world.flush()
    assert [each["type"] for each in (await world.admin(f"/numbers/{SMALL}"))["restrictions"]] == [
        kind
    ]
    await world.advance(3700)
    assert (await world.admin(f"/numbers/{SMALL}"))["restrictions"] == []


async def test_a_number_that_has_never_sent_begins_to_warm_up(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    shown = await world.admin("/numbers", NEW | {"pool_id": PORTFOLIO, "is_new": True})
    assert shown["activity"]["phase"] == "warm_up"
    assert datetime.fromisoformat(shown["activity"]["since"]) == world.clock.now()
    assert shown["activity"]["today"] == {"users_hour": 13, "sends_10m": 13, "users_day": 50}
    assert shown["activity"]["tomorrow"]["users_day"] == 80
    await world.advance(DAY_S)
    # Put again without a word of being new, it goes on where it was.
    shown = await world.admin("/numbers", NEW | {"pool_id": PORTFOLIO})
    assert shown["activity"]["today"]["users_day"] == 80


async def test_what_a_number_has_started_is_shown_where_it_is_shown_alone(
    make_world: MakeWorld,
) -> None:
    world = await make_world(still=True)
    for user in (ANA, BEN, BEN):
        assert (await world.template(WARMING, user)).status == 200
    assert (await world.number(WARMING))["activity"]["used"] == {
        "users_hour": 2,
        "sends_10m": 3,
        "users_day": 2,
    }
    await world.advance(2 * 3600)
    assert (await world.number(WARMING))["activity"]["used"] == {
        "users_hour": 0,
        "sends_10m": 0,
        "users_day": 2,
    }
    listed = (await world.admin("/numbers"))["numbers"]
    assert not any("used" in each["activity"] for each in listed)


async def test_one_number_is_there_to_show_how_it_warms_up(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    modes = {
        each["phone_number_id"]: (each["activity"]["mode"], each["rules"]["repetition"])
        for each in (await world.admin("/numbers"))["numbers"]
    }
    assert modes.pop(WARMING) == ("enforce", "enforce")
    assert set(modes.values()) == {("shadow", "enforce")}
    people = list(islice(users(), 14))
    for user in people:
        assert (await world.template(SMALL, user)).status == 200
    answers = [await world.template(WARMING, user) for user in people]
    assert (answers[0].status, answers[-1].status, answers[-1].rule) == (200, 429, "activity")


async def test_a_change_of_a_number_takes_effect_at_once_in_every_process(world: World) -> None:
    other = Gateway(load(**world.settings(port=0, admin_port=0)), world.clock)
    async with other:
        urls = (world.data_url, other.addresses.data_url)
        statuses = {
            (await world.template(SMALL, user, via=url)).status
            for user in (ANA, BEN)
            for url in urls
        }
        assert statuses == {200}
        twice = {"knobs": {"repetition_times": 2}}
        shown = await world.admin(f"/numbers/{SMALL}", twice, method="PATCH")
        assert shown["knobs"]["repetition_times"] == 2
        for url in urls:
            assert (await world.template(SMALL, ANA, via=url)).rule == "repetition"
            assert (await world.template(MIDDLE, ANA, via=url)).status == 200
        off = {"knobs": {"rules": {"repetition": "off"}}}
        await world.admin(f"/numbers/{SMALL}", off, method="PATCH")
        for url in urls:
            assert (await world.template(SMALL, BEN, via=url)).status == 200


async def test_the_layer_below_counts_again_where_a_number_says_nothing(world: World) -> None:
    path = f"/numbers/{SMALL}"

    async def said(change: dict[str, Any]) -> Any:
        await world.admin(path, {"knobs": change}, method="PATCH")
        shown = await world.number(SMALL)
        return shown["rules"]["quality"], shown["activity"]["today"]["users_hour"]

    pool = {"knobs": {"rules": {"quality": "shadow"}, "activity_floor_users": 40}}
    await world.admin(f"/pools/{SMALL}", pool | {"messaging_limit": 100}, method="PATCH")
    assert await said({}) == ("shadow", 40)
    assert await said({"rules": {"quality": "off"}, "activity_floor_users": 70}) == ("off", 70)
    assert await said({"rules": {"quality": None}}) == ("shadow", 70)
    assert await said({"activity_floor_users": None}) == ("shadow", 40)
    assert (await world.number(SMALL))["knobs"] == {"rules": demo.RULES}
    none = {"rules": {"quality": None}, "activity_floor_users": None}
    await world.admin(f"/pools/{SMALL}", {"knobs": none}, method="PATCH")
    assert await said({}) == ("enforce", 100)


async def test_only_what_is_given_of_a_number_changes(faked: World) -> None:
    before = await faked.number(SMALL)
    changes: list[dict[str, Any]] = [
        {"throughput": 20},
        {"display_phone_number": "+1 555-000-2001"},
        {"knobs": {"pair_capacity": 5}},
    ]
    for change in changes:
        await faked.admin(f"/numbers/{SMALL}", change, method="PATCH")
    after = await faked.number(SMALL)
    moved = {name for name in before if after[name] != before[name]} - {"polled_at"}
    assert moved == {"throughput", "display_phone_number", "knobs"}
    assert (after["throughput"], after["display_phone_number"]) == (20, "+1 555-000-2001")
    route = faked.gateway.directory.routes[PhoneNumberId(SMALL)]
    assert (route.throughput, route.display_phone_number) == (20, "+1 555-000-2001")


@pytest.mark.parametrize(
    ("number", "body", "status", "names"),
    [
        (SMALL, {"knobs": {"pair_capacity": 46}}, 400, "knobs.pair_capacity"),
        (SMALL, {"knobs": {"rules": {"nothing": "off"}}}, 400, "knobs.rules.nothing"),
        (SMALL, {"throughput": None}, 400, "throughput"),
        (SMALL, {"shares": {}}, 400, "shares"),
        ("1", {"throughput": 20}, 404, "1"),
    ],
)
async def test_a_change_of_a_number_that_makes_no_sense_is_refused(
    world: World, number: str, body: Any, status: int, names: str
) -> None:
    await assert_refused(world, ("PATCH", f"/numbers/{number}", body), status, names)
