import asyncio
from typing import Any

import pytest

from gateway.cli import demo
from gateway.policy.turning import TURNABLE
from tests.web.asking import assert_refused
from tests.world import MIDDLE, PORTFOLIO, SHARED, SMALL, WARMING, MakeWorld, World

HOLDERS = ("app:vip", "class:marketing", "class:utility")
STEADY = ("regime", "messaging_limit", "headroom", "knobs", "shares")
ANA, BEN, CAT = "+34600000001", "+34600000002", "+34600000003"


async def test_every_pool_is_listed_and_shown_with_its_numbers(world: World) -> None:
    pools = {each["pool_id"]: each for each in (await world.admin("/pools"))["pools"]}
    assert pools.keys() == {SMALL, MIDDLE, PORTFOLIO, WARMING}
    assert (pools[SMALL]["allowance"], pools[SMALL]["remaining"]) == (237, 237)
    numbers = (await world.admin(f"/pools/{PORTFOLIO}"))["numbers"]
    assert sorted(each["phone_number_id"] for each in numbers) == sorted(SHARED)


async def test_the_forecast_says_when_the_counted_leave(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    await world.template(SMALL, ANA)
    await world.advance(3 * 3600 + 60)
    await world.template(SMALL, BEN)
    await world.template(SMALL, CAT)
    pool = await world.admin(f"/pools/{SMALL}")
    slots = [hour["slots"] for hour in pool["forecast"]]
    assert pool["counted"] == sum(slots) == 3
    assert {hour: count for hour, count in enumerate(slots) if count} == {20: 1, 23: 2}
    assert pool["remaining"] == pool["allowance"] - 3
    await world.advance(21 * 3600)
    pool = await world.admin(f"/pools/{SMALL}")
    assert pool["counted"] == sum(hour["slots"] for hour in pool["forecast"]) == 2


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        ("/pools/new", {"regime": "per_number"}, "messaging_limit"),
        ("/pools/a%20b", {"regime": "per_number", "messaging_limit": 250}, "id"),
        ("/pools/%00", {"regime": "per_number", "messaging_limit": 250}, "NUL"),
    ],
)
async def test_a_pool_that_makes_no_sense_is_not_added(
    world: World, path: str, body: Any, names: str
) -> None:
    await assert_refused(world, ("POST", path, body), 400, names)


async def test_an_operators_limit_holds_from_the_next_message_on(world: World) -> None:
    shown = await world.admin(
        f"/pools/{SMALL}", {"regime": "per_number", "messaging_limit": 2, "headroom": 0}
    )
    assert (shown["allowance"], shown["limit_source"]) == (2, "operator")
    statuses = [(await world.template(SMALL, user)).status for user in (ANA, BEN, CAT)]
    assert statuses == [200, 200, 429]
    unlimited = {"regime": "per_number", "messaging_limit": None}
    assert (await world.admin(f"/pools/{MIDDLE}", unlimited))["remaining"] is None
    assert "RateLimit" not in (await world.template(MIDDLE, ANA)).headers


async def test_only_what_is_given_of_a_pool_changes(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    path = f"/pools/{MIDDLE}"
    for change in (
        {"messaging_limit": 500},
        {"messaging_limit": None},
        {"headroom": 0.5},
        {"regime": "portfolio"},
        {"knobs": {"pair_capacity": 5}},
        {"shares": {"app:shop": {"reserve": 0.25, "cap": 1.0}}},
    ):
        (name,) = change
        before = next(
            each for each in (await world.admin("/pools"))["pools"] if each["pool_id"] == MIDDLE
        )
        shown = await world.admin(path, change, method="PATCH")
        moved = {each for each in shown if shown[each] != before[each]}
        of_the_limit = {"limit_source", "limit_at", "allowance", "remaining", "shares"}
        allowed = {"headroom": {"allowance", "remaining"}, "messaging_limit": of_the_limit}
        assert name in moved
        assert moved <= {name} | allowed.get(name, set()), moved
    assert shown["limit_source"] == "operator"


async def test_a_pools_limit_and_knobs_hold_from_the_next_message_on(world: World) -> None:
    assert (await world.template(SMALL, ANA)).status == 200
    change = {"messaging_limit": 4, "headroom": 0.25, "knobs": {"repetition_times": 1}}
    shown = await world.admin(f"/pools/{SMALL}", change, method="PATCH")
    assert (shown["allowance"], shown["knobs"]) == (3, {"repetition_times": 1})
    assert (await world.template(SMALL, ANA)).rule == "repetition"
    assert (await world.template(MIDDLE, ANA)).status == 200
    assert [(await world.template(SMALL, user)).status for user in (BEN, CAT)] == [200, 200]
    assert (await world.template(SMALL, "+34600000004")).status == 429


async def test_changes_at_the_same_time_do_not_undo_each_other(world: World) -> None:
    changes = [{name: bounds[0]} for name, bounds in TURNABLE.items()]
    await asyncio.gather(
        *(
            world.admin(f"/{path}/{SMALL}", {"knobs": change}, method="PATCH")
            for change in changes
            for path in ("pools", "numbers")
        )
    )
    turned = {name: bounds[0] for name, bounds in TURNABLE.items()}
    assert (await world.admin(f"/pools/{SMALL}"))["knobs"] == turned
    assert (await world.number(SMALL))["knobs"] == turned | {"rules": demo.RULES}


async def test_a_pool_is_divided_and_shows_who_has_what(world: World) -> None:
    change = {
        "messaging_limit": 10,
        "headroom": 0,
        "shares": {"class:marketing": {"cap": 0.2}, "app:vip": {"reserve": 0.3}},
    }
    await world.admin(f"/pools/{SMALL}", change, method="PATCH")
    offers = [await world.template(SMALL, user, "autumn_offer") for user in (ANA, BEN, CAT)]
    assert [offer.rule for offer in offers] == [None, None, "share"]
    assert (await world.template(SMALL, CAT)).status == 200
    shares = (await world.admin(f"/pools/{SMALL}"))["shares"]
    assert {holder: shares[holder] for holder in HOLDERS} == {
        "app:vip": share(0.3, 1, counted=0, room=7),
        "class:marketing": share(0, 0.2, counted=2, room=0),
        "class:utility": share(0, 1, counted=1, room=4),
    }
    undivided = {"shares": {"class:marketing": None, "app:vip": None}}
    shown = await world.admin(f"/pools/{SMALL}", undivided, method="PATCH")
    assert shown["shares"]["class:marketing"] == share(0, 1, counted=2, room=7)
    assert "app:vip" not in shown["shares"]
    assert (await world.template(SMALL, "+34600000004", "autumn_offer")).status == 200


def share(reserve: float, cap: float, *, counted: int, room: int) -> dict[str, Any]:
    users = {"reserve_users": int(reserve * 10), "cap_users": int(cap * 10)}
    return {"reserve": reserve, "cap": cap, "counted": counted, "room": room} | users


@pytest.mark.parametrize(
    ("pool", "body", "status", "names"),
    [
        (SMALL, {"knobs": {"activity_growth": 0.5}}, 400, "knobs.activity_growth"),
        (SMALL, {"knobs": {"rules": {"activity": "on"}}}, 400, "knobs.rules.activity"),
        (SMALL, {"shares": {"class:reply": {"cap": 0.5}}}, 400, "shares.class:reply"),
        (SMALL, {"shares": {"app:a": {"reserve": 0.5, "cap": 0.4}}}, 400, "shares.app:a"),
        (SMALL, {"shares": {"app:a": {"reserve": 0.5}}}, 400, "shares"),
        (SMALL, {"shares": {"app:base": {"cap": 0.5}}}, 400, "shares.app:base"),
        (SMALL, {"regime": None}, 400, "regime"),
        (SMALL, {"messaging_limit": 0}, 400, "messaging_limit"),
        ("1", {"headroom": 0.5}, 404, "1"),
    ],
)
async def test_a_change_of_a_pool_that_makes_no_sense_changes_nothing(
    world: World, pool: str, body: Any, status: int, names: str
) -> None:
    kept = {"shares": {"app:base": {"reserve": 0.6}}}
    await world.admin(f"/pools/{SMALL}", kept, method="PATCH")
    before = await world.admin(f"/pools/{SMALL}")
    await assert_refused(world, ("PATCH", f"/pools/{pool}", body), status, names)
    after = await world.admin(f"/pools/{SMALL}")
    assert {name: after[name] for name in STEADY} == {name: before[name] for name in STEADY}
