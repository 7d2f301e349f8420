import json
from typing import Any

import pytest

from gateway.cli import demo
from tests.web.asking import assert_refused
from tests.world import PORTFOLIO, SMALL, World

ANA = "+34600000001"
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
