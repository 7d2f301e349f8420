from typing import Any

import pytest

from gateway.cli import demo
from gateway.store.directory import credential_hash
from tests.web.asking import ask, assert_refused
from tests.world import SMALL, World

ANA, BEN = "+34600000001", "+34600000002"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"app_id": "a b", "name": "Shop"}, "app_id"),
        ({"app_id": "shop", "name": "a\0b"}, "name"),
        ({"app_id": "shop"}, "name"),
        ({"app_id": "shop", "name": "Shop", "wait_s": -1}, "wait_s"),
        ({"app_id": "shop", "name": "Shop", "joins_retries": None}, "joins_retries"),
    ],
)
async def test_an_app_that_makes_no_sense_is_not_added(world: World, body: Any, names: str) -> None:
    await assert_refused(world, ("POST", "/apps", body), 400, names)


async def test_a_new_app_may_send_with_its_key_at_once_and_the_old_key_is_void(
    world: World,
) -> None:
    shop = {"app_id": "new-shop", "name": "New shop"}
    first = (await world.admin("/apps", shop))["key"]
    sent = await world.template(SMALL, ANA, key=first)
    assert (sent.status, (await world.message(sent))["app_id"]) == (200, "new-shop")
    second = (await world.admin("/apps", shop))["key"]
    assert (await world.template(SMALL, BEN, key=first)).status == 401
    assert (await world.template(SMALL, BEN, key=second)).status == 200


async def test_an_app_may_be_known_by_its_meta_token_which_is_not_shown(world: World) -> None:
    token = world.keys.meta_token
    body = {"app_id": "crm", "name": "CRM", "meta_token": token}
    answer = await world.admin("/apps", body)
    assert answer == {
        "app_id": "crm",
        "name": "CRM",
        "credential": "meta_token",
        "wait_s": None,
        "joins_retries": True,
        "responds_async": False,
        "parks": {},
        "resends": {},
        "callback_url": None,
    }
    assert token not in (await ask(world, "GET", "/apps")).body.decode()
    sent = await world.template(SMALL, ANA, key=token)
    assert (await world.message(sent))["app_id"] == "crm"


async def test_what_is_set_of_an_app_is_known_to_the_doors_at_once(world: World) -> None:
    body = {"app_id": "hasty", "name": "Hasty", "wait_s": 0.5, "joins_retries": False}
    key = (await world.admin("/apps", body))["key"]
    assert told_of(world, key) == (0.5, False)
    assert (await ask(world, "PATCH", "/apps/hasty", {"wait_s": None})).json["wait_s"] is None
    assert told_of(world, key) == (None, False)
    await ask(world, "PATCH", "/apps/hasty", {"joins_retries": True, "name": "Slow"})
    assert told_of(world, key) == (None, True)
    assert (await world.template(SMALL, ANA, key=key)).status == 200


async def test_how_an_app_wants_its_messages_treated_is_set_by_class(world: World) -> None:
    wishes = {"responds_async": True, "parks": {"marketing": False}, "resends": {"reply": True}}
    told = (await ask(world, "PATCH", f"/apps/{demo.APP}", wishes)).json
    assert {name: told[name] for name in wishes} == wishes
    told = (await ask(world, "PATCH", f"/apps/{demo.APP}", {"parks": {"reply": True}})).json
    assert (told["parks"], told["resends"]) == ({"reply": True}, {"reply": True})


async def test_another_key_leaves_what_is_set_of_the_app(world: World) -> None:
    await world.admin("/apps", {"app_id": "hasty", "name": "Hasty", "wait_s": 0.5})
    key = (
        await world.admin("/apps", {"app_id": "hasty", "name": "Hasty", "joins_retries": False})
    )["key"]
    assert told_of(world, key) == (0.5, False)


async def test_apps_are_listed_without_their_keys(world: World) -> None:
    key = (await world.admin("/apps", {"app_id": "a-shop", "name": "A shop"}))["key"]
    answer = await ask(world, "GET", "/apps")
    assert [each["app_id"] for each in answer.json["apps"]] == [
        "a-shop",
        demo.PASS_THROUGH_APP,
        demo.APP,
    ]
    text = answer.body.decode()
    secrets = (key, world.keys.app_key, world.keys.pass_through_token)
    assert not any(secret in text or credential_hash(secret).hex() in text for secret in secrets)


@pytest.mark.parametrize(
    ("app_id", "body", "status", "names"),
    [
        (demo.APP, {"wait_s": 601}, 400, "wait_s"),
        (demo.APP, {"name": ""}, 400, "name"),
        (demo.APP, {"name": None}, 400, "name"),
        (demo.APP, {"app_id": "another"}, 400, "app_id"),
        (demo.APP, {"parks": {"urgent": True}}, 400, "parks"),
        (demo.APP, {"resends": {"marketing": "often"}}, 400, "resends"),
        ("nobody", {}, 404, "nobody"),
    ],
)
async def test_a_change_of_an_app_that_makes_no_sense_is_refused(
    world: World, app_id: str, body: Any, status: int, names: str
) -> None:
    before = await world.admin("/apps")
    await assert_refused(world, ("PATCH", f"/apps/{app_id}", body), status, names)
    assert await world.admin("/apps") == before


def told_of(world: World, key: str) -> tuple[float | None, bool]:
    app = world.gateway.directory.app_of(key)
    assert app is not None
    return app.wait_s, app.joins_retries
