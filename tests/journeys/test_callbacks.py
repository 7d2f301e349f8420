"""P3, as apps hear of it: each is told the end of every message that it does not know it of."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import pytest

from gateway.cli import demo
from tests.app_door import AppDoor, app_door
from tests.builders import template_body, users
from tests.gateway_process import StartProcess
from tests.world import SMALL, Answer, MakeWorld, World, until

ANA: Final = "+34600000001"
ASYNC: Final = {"Prefer": "respond-async"}


@pytest.fixture
async def door() -> AsyncIterator[AppDoor]:
    async with app_door() as opened:
        yield opened


async def tell_me(world: World, door: AppDoor) -> None:
    """Have the demo's app be told at a door."""
    told = await world.admin(f"/apps/{demo.APP}", {"callback_url": door.url}, method="PATCH")
    door.secret = told["callback_secret"]


async def schedule(world: World, user: str = ANA, hours: float = 1, **more: str) -> Answer:
    at = (world.clock.now() + timedelta(hours=hours)).isoformat()
    answer = await world.template(SMALL, user, headers={"Gateway-Send-At": at} | more)
    assert answer.status == 202, answer
    return answer


async def told(door: AppDoor, count: int = 1) -> None:
    async def there() -> bool:
        return len(door.taken) >= count

    await until(there, f"{count} events")
    assert len(door.taken) == count, door.types()


async def ask(world: World, answer: Answer, method: str = "GET", key: str | None = None) -> Answer:
    headers = {"Authorization": f"Bearer {key or world.keys.app_key}"}
    return await world.call(method, world.data_url + answer.headers["Location"], headers=headers)


async def test_what_was_parked_is_told_to_be_sent(make_world: MakeWorld, door: AppDoor) -> None:
    world = await make_world()
    await tell_me(world, door)
    answer = await schedule(world)
    waiting = (await ask(world, answer)).json
    assert (waiting["state"], waiting["rule"]) == ("parked", "schedule")
    assert waiting["expected_at"] > waiting["created_at"]
    await world.advance(3601)
    await told(door)
    (event,) = door.taken
    (sent,) = await world.accepted(SMALL)
    assert (event.type, event.message["wamid"]) == ("message.sent", sent["wamid"])
    assert event.message["id"] == answer.headers["Gateway-Message-Id"]
    assert "34600000001" not in str(event.content)
    shown = (await ask(world, answer)).json
    assert shown["wamid"] == sent["wamid"]
    # Statuses that follow are Meta's to tell.
    await world.advance(60)
    await world.flush()
    await told(door)


async def test_what_meta_refuses_for_good_is_told_with_the_reason(
    make_world: MakeWorld, door: AppDoor
) -> None:
    world = await make_world()
    await tell_me(world, door)
    await schedule(world)
    await world.fault("error", code=131026, times=1)
    await world.advance(3601)
    await told(door)
    (event,) = door.taken
    assert (event.type, event.message["error"]["code"]) == ("message.failed", 131026)


async def test_what_meta_refuses_for_now_is_told_once_it_is_sent(
    make_world: MakeWorld, door: AppDoor
) -> None:
    world = await make_world()
    await tell_me(world, door)
    await world.fault("error", code=130429, times=1)
    answer = await world.template(SMALL, ANA, headers=ASYNC)
    assert (answer.status, answer.rule) == (202, "upstream")
    await world.advance(60)
    await told(door)
    assert door.types() == ["message.sent"]


async def test_what_has_expired_or_was_called_off_is_told(
    make_world: MakeWorld, door: AppDoor
) -> None:
    world = await make_world()
    await tell_me(world, door)
    one, other = users(1), users(2)
    until_then = (world.clock.now() + timedelta(hours=3)).isoformat()
    late = await schedule(world, next(one), hours=2, **{"Gateway-Expires-At": until_then})
    async with world.database.connection() as connection:
        await connection.execute("update outbox set state = 'held'")
    dropped = await schedule(world, next(other), hours=5)
    gone = await ask(world, dropped, "DELETE")
    assert (gone.status, gone.json["state"]) == (200, "cancelled")
    await told(door)
    assert door.types() == ["message.cancelled"]
    again = await ask(world, dropped, "DELETE")
    assert (again.status, again.rule) == (409, "cancelled")
    await world.advance(3 * 3600 + 1)
    await told(door, 2)
    assert door.types()[1] == "message.expired"
    assert (await ask(world, late)).json["state"] == "expired"
    assert await world.accepted(SMALL) == []


async def test_a_doubt_is_told_when_it_ends(make_world: MakeWorld, door: AppDoor) -> None:
    world = await make_world(settings={"cloud_timeout_s": 0.5})
    await tell_me(world, door)
    await world.steer("/knobs", {"webhooks_paused": True})
    await world.fault("accept_then_timeout", times=1)
    answer = await world.template(SMALL, ANA)
    assert answer.status == 504
    await world.advance(121)
    await told(door)
    await world.steer("/knobs", {"webhooks_paused": False})
    await world.advance(3600)
    await world.flush()
    await told(door, 2)
    assert door.types() == ["message.unknown", "message.sent"]
    assert len({event.event_id for event in door.taken}) == 2


async def test_a_door_that_fails_is_tried_again_with_the_same_event(
    make_world: MakeWorld, door: AppDoor
) -> None:
    world = await make_world()
    await tell_me(world, door)
    door.status = 503
    answer = await schedule(world)
    await world.advance(3601)

    async def refused() -> bool:
        return door.refused >= tries

    for tries in (1, 2, 3):
        await until(refused, f"{tries} tries")
        await world.advance(60)
    (owed,) = (await world.admin("/callbacks"))["callbacks"]
    assert owed["problem"] == "status 503"
    door.status = 200
    await world.advance(3600)
    await told(door)
    assert door.taken[0].event_id == owed["event_id"]
    assert door.taken[0].message["id"] == answer.headers["Gateway-Message-Id"]

    async def nothing_is_owed() -> bool:
        owed = await world.admin("/callbacks")
        return not owed["callbacks"]

    await until(nothing_is_owed, "nothing owed any more")


async def test_a_door_that_is_gone_is_given_up_and_redriven(
    make_world: MakeWorld, door: AppDoor
) -> None:
    world = await make_world()
    await tell_me(world, door)
    door.status = 410
    await schedule(world)
    await world.advance(3601)

    async def given_up() -> bool:
        return bool((await world.admin("/callbacks?gave_up=true"))["callbacks"])

    await until(given_up, "an event that was given up")
    await world.advance(86_400)
    assert door.refused == 1
    door.status = 200
    answer = await world.admin("/callbacks/redrive", {"app_id": demo.APP})
    assert answer == {"affected": 1}
    await told(door)


async def test_two_processes_and_a_restart_lose_no_event_and_repeat_none_under_another_name(
    make_world: MakeWorld, start_process: StartProcess, door: AppDoor
) -> None:
    world = await make_world(gateway=False)
    first = await start_process(world)
    world.data_url, world.admin_url = first.data_url, first.admin_url
    await tell_me(world, door)
    people = users(1)
    for _ in range(30):
        await schedule(world, next(people))
    door.status = 500
    await world.admin("/sandbox/clock", {"advance_s": 3601})

    async def refused() -> bool:
        return door.refused > 0

    await until(refused, "a try")
    await first.kill()
    processes = [await start_process(world) for _ in range(2)]
    door.status = 200
    world.admin_url = processes[0].admin_url
    for _ in range(2):
        await world.admin("/sandbox/clock", {"advance_s": 60})

    async def all_told() -> bool:
        return len({event.event_id for event in door.taken}) >= 30

    await until(all_told, "30 events")
    told_of = {event.event_id: event.message["id"] for event in door.taken}
    assert len(told_of) == len(set(told_of.values())) == 30
    assert set(door.types()) == {"message.sent"}


async def test_a_message_is_shown_to_its_app_alone(make_world: MakeWorld) -> None:
    world = await make_world()
    answer = await schedule(world)
    other = (await world.admin("/apps", {"app_id": "other", "name": "Other"}))["key"]
    for method in ("GET", "DELETE"):
        refused = await ask(world, answer, method, key=other)
        assert (refused.status, refused.rule) == (404, "account")
    assert (await ask(world, answer, "POST")).status == 405
    assert (await ask(world, answer, key="gw_nobody")).status == 401
    assert (await ask(world, answer)).status == 200
    by_name = world.data_url + "/v1/messages/" + answer.json["messages"][0]["id"]
    headers = {"Authorization": f"Bearer {world.keys.app_key}"}
    assert (await world.call("GET", by_name, headers=headers)).json["state"] == "parked"
    nowhere = world.data_url + "/v1/messages/wamid.none"
    assert (await world.call("GET", nowhere, headers=headers)).status == 404
    body = template_body(ANA)
    assert (await world.send("messages", body)).status == 404
