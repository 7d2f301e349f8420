from typing import Any

import pytest

from tests.web.asking import assert_refused
from tests.world import SMALL, World

ANA, BEN = "+34600000001", "+34600000002"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"app_id": "a b", "name": "Shop"}, "app_id"),
        ({"app_id": "shop", "name": "a\0b"}, "name"),
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
    assert answer == {"app_id": "crm", "name": "CRM", "credential": "meta_token"}
    sent = await world.template(SMALL, ANA, key=token)
    assert (await world.message(sent))["app_id"] == "crm"
