"""P3 for messages that nobody knows the fate of: resolved, given up, or sent once more.

A code is sent once more, for two of them do no harm; an advertisement never is.
"""

from datetime import timedelta
from typing import Any, Final

import pytest

from tests.builders import code_body, template_body
from tests.gateway_process import GatewayProcess, StartProcess
from tests.world import SMALL, Answer, MakeWorld, World, until

ANA: Final = "+34600000001"
DOUBT_S: Final = 120.0
SETTINGS: Final[dict[str, Any]] = {"cloud_timeout_s": 0.5}
LOST: Final = ("reset", "timeout")
TAKEN: Final = ("accept_then_reset", "accept_then_timeout")


async def doubted(
    world: World, fault: str, body: dict[str, Any] | None = None, **more: Any
) -> Answer:
    """Send a code (or `body`), and run into a fault."""
    await world.fault(fault, times=1)
    answer = await world.send(SMALL, body or code_body(ANA, "4711"), **more)
    assert answer.status in {502, 504}, answer
    await world.state_of(answer, "in_doubt")
    return answer


async def parcels(world: World) -> list[tuple[str, str]]:
    async with world.database.connection() as connection:
        rows = await connection.fetch("select message_id, state from outbox order by message_id")
    return [(row["message_id"].hex, row["state"]) for row in rows]


async def outlast(world: World, seconds: float = DOUBT_S + 1) -> None:
    """Let time pass until doubts have ended; a webhook that is still to be read holds them up."""
    await world.advance(seconds)

    async def ended() -> bool:
        since = world.clock.now() - timedelta(seconds=DOUBT_S)
        async with world.database.connection() as connection:
            count: int = await connection.fetchval(
                "select count(*) from doubts where since <= $1", since
            )
        return count == 0

    await until(ended, "an end of doubts")


async def arrived(world: World, count: int) -> list[str]:
    """Wait until so many messages were taken by Meta; return their marks."""

    async def there() -> bool:
        return len(await world.accepted(SMALL)) >= count

    await until(there, f"{count} messages at the emulator")
    marks = [each["biz_opaque_callback_data"] for each in await world.accepted(SMALL)]
    assert len(marks) == count
    return marks


@pytest.mark.parametrize("fault", LOST)
async def test_a_code_that_was_lost_is_sent_once_more_as_a_message_of_its_own(
    make_world: MakeWorld, fault: str
) -> None:
    world = await make_world(settings=SETTINGS)
    answer = await doubted(world, fault, code_body(ANA, "4711") | {"biz_opaque_callback_data": "x"})
    await world.advance(DOUBT_S - 1)
    assert (await world.message(answer))["state"] == "in_doubt"
    assert await world.accepted(SMALL) == []

    await outlast(world, 2)
    (mark,) = await arrived(world, 1)
    first = await world.message(answer)
    assert first["state"] == "unknown"
    assert mark == f"gw1.{first['resent_as']}.x"
    second = await world.admin(f"/messages/{first['resent_as']}")
    assert second["resend_of"] == first["message_id"]
    await world.flush()
    assert (await world.admin(f"/messages/{first['resent_as']}"))["state"] in {"sent", "delivered"}
    assert await parcels(world) == []
    assert await world.counted(SMALL) == 1, "it is the same user"


@pytest.mark.parametrize("fault", TAKEN)
async def test_a_status_in_time_resolves_it_and_nothing_is_sent_again(
    make_world: MakeWorld, fault: str
) -> None:
    world = await make_world(settings=SETTINGS)
    await world.fault(fault, times=1)
    answer = await world.send(SMALL, code_body(ANA, "4711"))
    assert answer.status in {502, 504}
    await world.advance(10)
    await world.flush()
    await world.state_of(answer, "delivered")
    assert await parcels(world) == []
    await outlast(world)
    await arrived(world, 1)


async def test_what_is_sent_once_more_although_it_had_arrived_is_shown_twice(
    make_world: MakeWorld,
) -> None:
    world = await make_world(settings=SETTINGS)
    await world.steer("/knobs", {"webhooks_paused": True})
    answer = await doubted(world, "accept_then_reset")
    await outlast(world)
    await arrived(world, 2)
    await world.steer("/knobs", {"webhooks_paused": False})
    await world.advance(3600)
    await world.flush()
    first = await world.state_of(answer, "delivered")
    assert (await world.admin(f"/messages/{first['resent_as']}"))["state"] == "delivered"


async def test_the_second_is_called_off_if_the_first_turns_out_to_have_arrived(
    make_world: MakeWorld,
) -> None:
    world = await make_world(settings=SETTINGS)
    await world.steer("/knobs", {"webhooks_paused": True})
    answer = await doubted(world, "accept_then_reset")
    world.gateway.releaser.leave()
    await outlast(world)
    first = await world.message(answer)
    assert await parcels(world) == [(first["resent_as"], "parked")]
    await world.steer("/knobs", {"webhooks_paused": False})
    await world.advance(3600)
    await world.flush()
    await world.state_of(answer, "delivered")
    assert (await world.admin(f"/messages/{first['resent_as']}"))["state"] == "cancelled"
    assert await parcels(world) == []


async def test_a_resend_that_is_in_doubt_is_not_sent_again(make_world: MakeWorld) -> None:
    world = await make_world(settings=SETTINGS)
    answer = await doubted(world, "reset")
    await world.fault("reset", times=1)
    await outlast(world)
    second = (await world.message(answer))["resent_as"]

    async def in_doubt() -> bool:
        state: str = (await world.admin(f"/messages/{second}"))["state"]
        return state == "in_doubt"

    await until(in_doubt, "a second doubt")
    for _ in range(2):
        await outlast(world)
    assert (await world.admin(f"/messages/{second}"))["state"] == "unknown"
    assert await parcels(world) == []
    assert await world.accepted(SMALL) == []


@pytest.mark.parametrize("headers", [{}, {"Prefer": "respond-async"}])
async def test_other_messages_are_given_up_and_a_late_status_is_believed(
    make_world: MakeWorld, headers: dict[str, str]
) -> None:
    world = await make_world(settings=SETTINGS)
    await world.steer("/knobs", {"webhooks_paused": True})
    answer = await doubted(world, "accept_then_timeout", template_body(ANA), headers=headers)
    await outlast(world)
    story = await world.message(answer)
    assert (story["state"], story["resent_as"]) == ("unknown", None)
    assert await parcels(world) == []
    assert await world.counted(SMALL) == 1, "the slot stays: it may have arrived"
    await world.steer("/knobs", {"webhooks_paused": False})
    await world.advance(3600)
    await world.flush()
    await world.state_of(answer, "delivered")
    await arrived(world, 1)


async def test_an_app_may_want_it_otherwise(make_world: MakeWorld) -> None:
    world = await make_world(settings=SETTINGS)
    resends = {"authentication": False, "utility": True}
    for app in (await world.admin("/apps"))["apps"]:
        await world.admin(f"/apps/{app['app_id']}", {"resends": resends}, method="PATCH")
    code = await doubted(world, "reset")
    other = await doubted(world, "reset", template_body("+34600000002"))
    await outlast(world)
    await arrived(world, 1)
    assert (await world.message(code))["resent_as"] is None
    assert (await world.message(other))["resent_as"] is not None


async def test_a_code_of_no_use_any_more_is_not_sent(make_world: MakeWorld) -> None:
    world = await make_world(settings=SETTINGS)
    answer = await doubted(world, "reset")
    await world.advance(3600)
    assert (await world.message(answer))["state"] == "unknown"
    assert await parcels(world) == []
    assert await world.accepted(SMALL) == []


async def test_of_two_processes_one_sends_it_once_more(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    world = await make_world(gateway=False, settings=SETTINGS | {"sweep_s": 0.1, "doubt_s": 1.0})
    processes: list[GatewayProcess] = [await start_process(world) for _ in range(2)]
    world.data_url, world.admin_url = processes[0].data_url, processes[0].admin_url
    await world.fault("reset", times=10)
    answers = [await world.send(SMALL, code_body(f"+3460000000{n}", "1")) for n in range(10)]
    assert {answer.status for answer in answers} == {502}
    marks = await arrived(world, 10)
    assert len(set(marks)) == 10
    users = {each["user"] for each in await world.accepted(SMALL)}
    assert len(users) == 10


async def test_silence_is_reported_by_number_and_listed(make_world: MakeWorld) -> None:
    world = await make_world(settings=SETTINGS | {"silent_s": 900.0})
    world.aim_webhooks(None)
    answer = await world.template(SMALL, ANA)
    await world.advance(901)
    listed = await world.admin("/messages?state=accepted&older_than_s=900")
    assert [each["message_id"] for each in listed["messages"]] == [
        answer.headers["Gateway-Message-Id"]
    ]
    assert (await world.admin("/messages?state=accepted&older_than_s=1000"))["messages"] == []
    wanted = f'gateway_silent_total{{phone_number_id="{SMALL}"}} 1.0'

    async def counted() -> bool:
        answer = await world.call("GET", f"{world.admin_url}/metrics")
        return wanted in answer.body.decode()

    await until(counted, "a count of silent messages")
