import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.world import DAY_S, PORTFOLIO, SHARED, Answer, MakeWorld, World

NUMBER = SHARED[0]
USER = "+34600000001"


@pytest.fixture
def closed_door() -> Iterator[str]:
    """Return an address that refuses connections for as long as the test lasts."""
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


async def send_into(world: World, action: str) -> Answer:
    """Send a template that meets with a fault."""
    await world.fault(action, times=1)
    return await world.template(NUMBER, USER)


def assert_told_to_wait_for_the_status(answer: Answer, status: int) -> None:
    assert answer.status == status
    assert answer.headers["Gateway-Decision"] == "upstream"
    assert "Retry-After" not in answer.headers, "nobody should send this again blindly"
    message_id = answer.headers["Gateway-Message-Id"]
    assert message_id in answer.json["error"]["message"]
    assert answer.json["error"]["fbtrace_id"] == message_id


async def test_a_cloud_that_refuses_connections_gives_502_and_holds_no_slot(
    make_world: MakeWorld, closed_door: str
) -> None:
    world = await make_world(settings={"cloud_url": closed_door}, polled=False)
    answer = await world.template(NUMBER, USER)

    assert (answer.status, answer.code) == (502, 133004)
    assert int(answer.headers["Retry-After"]) > 0
    assert (await world.message(answer))["state"] == "refused"
    assert await world.counted(PORTFOLIO) == 0


async def test_a_reset_gives_502_in_doubt_and_the_slot_stays_for_24_hours(world: World) -> None:
    answer = await send_into(world, "reset")

    assert_told_to_wait_for_the_status(answer, 502)
    await world.state_of(answer, "in_doubt")
    await world.flush()
    assert await world.counted(PORTFOLIO) == 1
    assert await world.accepted() == []
    assert len(await world.sends()) == 1, "nothing is sent again by itself"

    await world.advance(DAY_S)
    assert await world.counted(PORTFOLIO) == 0
    assert (await world.message(answer))["state"] == "unknown"


async def test_silence_gives_504_in_doubt_and_the_slot_stays(make_world: MakeWorld) -> None:
    world = await make_world(settings={"cloud_timeout_s": 0.3})
    answer = await send_into(world, "timeout")

    assert_told_to_wait_for_the_status(answer, 504)
    await world.state_of(answer, "in_doubt")
    assert await world.counted(PORTFOLIO) == 1
    assert len(await world.sends()) == 1


@pytest.mark.parametrize(
    ("action", "status"),
    [("accept_then_reset", 502), ("accept_then_timeout", 504), ("half_answer", 502)],
)
async def test_what_was_accepted_before_the_answer_was_lost_is_resolved_by_its_status(
    make_world: MakeWorld, action: str, status: int
) -> None:
    world = await make_world(settings={"cloud_timeout_s": 0.5})
    await world.steer("/knobs", {"webhooks_paused": True})
    answer = await send_into(world, action)

    assert_told_to_wait_for_the_status(answer, status)
    await world.state_of(answer, "in_doubt")
    await world.steer("/knobs", {"webhooks_paused": False})
    await world.flush()

    story = await world.message(answer)
    (seen,) = await world.accepted()
    assert story["state"] == "delivered"
    assert story["wamid"] == seen["wamid"]
    assert story["hold"] == "settled"
    assert await world.counted(PORTFOLIO) == 1
    assert await world.violations() == []


async def test_an_error_without_a_verdict_is_in_doubt_and_passed_on_unchanged(
    world: World,
) -> None:
    await world.fault("error", code=131000, http_status=500, times=1)
    answer = await world.template(NUMBER, USER)

    assert (answer.status, answer.code) == (500, 131000)
    assert "An armed fault." in answer.body.decode()
    await world.state_of(answer, "in_doubt")
    assert await world.counted(PORTFOLIO) == 1


async def test_traffic_goes_on_by_itself_when_the_cloud_is_back(world: World) -> None:
    await world.fault("reset")
    assert (await world.template(NUMBER, USER)).status == 502
    await world.steer("/faults", method="DELETE")
    assert (await world.template(NUMBER, USER)).status == 200
    assert await world.violations() == []
