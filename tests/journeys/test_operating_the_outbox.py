"""Operators see what waits, hold it, let it go, throw it away, and have sent what was refused."""

import asyncio
from collections import Counter
from typing import Any, Final

from tests.builders import template_body
from tests.journeys.campaign import audience
from tests.world import PORTFOLIO, SHARED, Answer, MakeWorld, World, until

NUMBER: Final = SHARED[0]
MARKETING: Final = {"send_class": "marketing"}
UNPAID: Final = 131042


async def park(world: World, users: list[str], template: str) -> list[Answer]:
    """Have messages wait, for the limit is used up."""
    parks = {"Prefer": "respond-async"}
    sending = (world.send(NUMBER, template_body(user, template), headers=parks) for user in users)
    answers = await asyncio.gather(*sending)
    assert {answer.status for answer in answers} == {202}
    return answers


async def limit(world: World, users: int) -> None:
    """Let the operator say what the limit is; Meta would take more."""
    changes = {"messaging_limit": users, "headroom": 0.0}
    await world.admin(f"/pools/{PORTFOLIO}", changes, method="PATCH")


async def preview(world: World, deed: str, **body: Any) -> int:
    found = await world.admin(f"/outbox/{deed}", body)
    assert (found["preview"], found["more"]) == (True, False)
    affected: int = found["affected"]
    return affected


async def do(world: World, deed: str, **body: Any) -> int:
    done = await world.admin(f"/outbox/{deed}", {**body, "preview": False})
    assert (done["preview"], done["more"]) == (False, False)
    affected: int = done["affected"]
    return affected


async def waiting(world: World) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for group in (await world.admin("/outbox/count"))["groups"]:
        found[group["send_class"], group["state"]] += group["parcels"]
    return found


async def comes_to(world: World, expected: dict[tuple[str, str], int]) -> None:
    """Wait until so many of each class are in each state."""

    async def is_so() -> bool:
        return dict(await waiting(world)) == expected

    await until(is_so, str(expected))


def ids(answers: list[Answer]) -> list[str]:
    return [answer.headers["Gateway-Message-Id"] for answer in answers]


async def test_operators_steer_what_waits(make_world: MakeWorld) -> None:
    world = await make_world()
    await limit(world, 1)
    first, *users = audience(31)
    assert (await world.template(NUMBER, first)).status == 200
    updates = await park(world, users[:18], "order_update")
    offers = await park(world, users[18:], "autumn_offer")
    await comes_to(world, {("utility", "parked"): 18, ("marketing", "parked"): 12})

    async def marketing_is_held() -> bool:
        # A few are just being tried; they come back, and are held with the next.
        await do(world, "hold", **MARKETING)
        return (await waiting(world))["marketing", "held"] == 12

    await until(marketing_is_held, "marketing on hold")
    await limit(world, 100)
    await comes_to(world, {("marketing", "held"): 12})
    for answer in updates:
        await world.state_of(answer, "delivered")
    assert len(await world.accepted(NUMBER)) == 19

    one = ids(offers)[0]
    assert await preview(world, "cancel", message_id=one) == 1
    assert await do(world, "cancel", message_id=one) == 1
    assert await preview(world, "cancel", phone_number_id=NUMBER, state="held") == 11

    await world.fault("error", code=UNPAID)
    assert await do(world, "resume", **MARKETING) == 11
    await comes_to(world, {("marketing", "dead"): 11})
    letters = (await world.admin("/outbox?state=dead"))["parcels"]
    assert {each["message_id"] for each in letters} == set(ids(offers)[1:])
    assert all(str(UNPAID) in each["detail"] for each in letters), letters
    assert {(await world.message(answer))["state"] for answer in offers[1:]} == {"refused"}
    assert await world.counted(PORTFOLIO) == 19

    two = ids(offers)[1]
    assert await do(world, "cancel", message_id=two, state="dead") == 1
    await world.steer("/faults", method="DELETE")
    assert await preview(world, "redrive") == 10
    assert await do(world, "redrive") == 10
    for answer in offers[2:]:
        await world.state_of(answer, "delivered")
    await comes_to(world, {})
    states = [(await world.message(answer))["state"] for answer in offers[:2]]
    assert states == ["cancelled", "refused"]
    reached = Counter(each["user"] for each in await world.accepted(NUMBER))
    meant = [first, *users[:18], *users[20:]]
    assert reached == Counter(user.lstrip("+") for user in meant)
    assert await world.counted(PORTFOLIO) == len(meant)
    assert await world.violations() == []
