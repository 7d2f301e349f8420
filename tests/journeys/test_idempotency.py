import asyncio
import json
from typing import Any, Final

import pytest

from gateway.web.idempotency import Terms
from tests.builders import template_body
from tests.gateway_process import GatewayProcess, StartProcess
from tests.outage import Server
from tests.world import (
    DAY_S,
    SHARED,
    SMALL,
    Answer,
    MakeWorld,
    Options,
    World,
    running_world,
    until,
)

NUMBER = SHARED[0]
ANA, BEN = "+34600000001", "+34600000002"
BODY: Final = json.dumps(template_body(ANA)).encode()
KEY: Final = {"Idempotency-Key": "order-1"}
OF_THE_CONNECTION: Final = {"date", "server", "content-length", "connection", "keep-alive"}
LEASE_S: Final = Terms(kept_s=DAY_S, wait_s=10, answer_s=30, database_s=5).lease.total_seconds()


async def send(world: World, via: GatewayProcess | None = None, body: bytes = BODY) -> Answer:
    return await world.send(NUMBER, body, headers=KEY, via=via.data_url if via else None)


def as_seen(answer: Answer) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return what must be the same each time."""
    left_out = OF_THE_CONNECTION | {"idempotency-replayed", "gateway-joined"}
    headers = [each for each in answer.headers.items() if each[0].lower() not in left_out]
    return answer.status, headers, answer.body


def is_replayed(answer: Answer) -> bool:
    return answer.headers.get("Idempotency-Replayed") == "true"


def wamid(answer: Answer) -> str:
    found: str = answer.json["messages"][0]["id"]
    return found


async def journal(world: World) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = (await world.admin("/messages"))["messages"]
    return messages


async def seen(world: World, count: int = 1) -> None:
    """Wait until so many sends have come to Meta."""

    async def arrived() -> bool:
        return world.emulator.state.journal.sends_seen >= count

    await until(arrived, f"{count} sends at Meta")


@pytest.fixture
async def two(
    make_world: MakeWorld, start_process: StartProcess
) -> tuple[World, GatewayProcess, GatewayProcess]:
    """Return a world with two gateway processes; its doors are those of the second."""
    world = await make_world(gateway=False)
    first, second = await asyncio.gather(*(start_process(world, sweep_s=600) for _ in range(2)))
    world.data_url, world.admin_url = second.data_url, second.admin_url
    world.aim_webhooks(second.data_url)
    return world, first, second


async def test_the_same_request_at_two_processes_at_once_is_one_message(
    two: tuple[World, GatewayProcess, GatewayProcess],
) -> None:
    world, *processes = two
    await world.steer("/knobs", {"answer_delay_s": 0.5})
    answers = await asyncio.gather(*(send(world, via) for via in processes for _ in range(10)))
    (sent,) = await world.sends()
    assert {(answer.status, wamid(answer)) for answer in answers} == {(200, sent["wamid"])}
    assert len({str(as_seen(answer)) for answer in answers}) == 1
    assert sum(is_replayed(answer) for answer in answers) == 19
    assert len(await journal(world)) == 1


async def test_after_a_restart_the_answer_is_the_same_byte_for_byte(
    two: tuple[World, GatewayProcess, GatewayProcess], start_process: StartProcess
) -> None:
    world, first, second = two
    answer = await send(world, first)
    assert (answer.status, is_replayed(answer)) == (200, False)
    assert await first.terminate() == 0
    again = [await send(world, via) for via in (second, await start_process(world))]
    assert all(is_replayed(each) for each in again)
    assert [as_seen(each) for each in again] == [as_seen(answer)] * 2
    assert len(await world.sends()) == 1


@pytest.mark.parametrize(("reaches", "status"), [(True, 200), (False, 400)])
async def test_what_a_killed_process_had_on_its_way_is_in_doubt_until_its_status_comes(
    two: tuple[World, GatewayProcess, GatewayProcess], *, reaches: bool, status: int
) -> None:
    world, first, second = two
    await world.steer("/knobs", {"webhooks_paused": True})
    await world.steer(f"/users/{ANA[1:]}", {"not_on_whatsapp": not reaches})
    await world.fault("accept_then_timeout", times=1)
    lost = asyncio.create_task(send(world, first))
    await seen(world)
    await first.kill()
    await asyncio.gather(lost, return_exceptions=True)

    # While the dead may be alive still, who comes again waits. Then the journal tells.
    waiting = asyncio.create_task(send(world, second))
    assert (await send(world, second, BODY + b" ")).status == 422
    assert not waiting.done()
    await world.advance(LEASE_S)
    doubtful = await waiting
    assert (doubtful.status, is_replayed(doubtful)) == (502, True)
    assert "In doubt" in doubtful.json["error"]["message"]
    await world.state_of(doubtful, "reserved")
    assert as_seen(await send(world, second)) == as_seen(doubtful)

    await world.steer("/knobs", {"webhooks_paused": False})
    await world.flush()
    resolved = await send(world, second)
    assert (resolved.status, is_replayed(resolved)) == (status, True)
    (sent,) = await world.sends()
    if reaches:
        assert wamid(resolved) == sent["wamid"]
        assert resolved.json["contacts"] == [{"input": ANA, "wa_id": ANA[1:]}]
    else:
        assert resolved.code == 131026
    assert as_seen(await send(world, second)) == as_seen(resolved)
    assert await world.violations() == []


async def test_what_a_killed_process_had_not_written_yet_is_sent_once(
    two: tuple[World, GatewayProcess, GatewayProcess],
) -> None:
    world, first, second = two
    async with world.database.transaction() as connection:
        await connection.execute("lock table messages in exclusive mode")
        lost = asyncio.create_task(send(world, first))
        await until(lambda: blocked(connection), "a decision that cannot be written")
        await first.kill()
        await asyncio.gather(lost, return_exceptions=True)
        await connection.execute(f"select pg_terminate_backend(pid) {BLOCKED}")
        await until(lambda: unblocked(connection), "the end of the decision")
    assert await world.sends() == []

    waiting = asyncio.create_task(send(world, second))
    await world.advance(LEASE_S)
    answer = await waiting
    assert (answer.status, is_replayed(answer)) == (200, False)
    again = await send(world, second)
    assert (as_seen(again), is_replayed(again)) == (as_seen(answer), True)
    assert len(await world.sends()) == 1


BLOCKED: Final = (
    "from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
)


async def blocked(connection: Any) -> bool:
    count: int = await connection.fetchval(f"select count(*) {BLOCKED}")
    return count > 0


async def unblocked(connection: Any) -> bool:
    return not await blocked(connection)


@pytest.mark.parametrize("edge", ["messages", "marketing_messages"])
async def test_the_same_key_with_another_body_or_path_is_refused(world: World, edge: str) -> None:
    url = f"{world.data_url}/v25.0/{NUMBER}/{edge}"
    given = {"Authorization": f"Bearer {world.keys.app_key}"} | KEY
    body = json.dumps(template_body(ANA, "autumn_offer")).encode()
    first = await world.call("POST", url, data=body, headers=given)
    assert first.status == 200
    again = await world.call("POST", url, data=body, headers=given)
    assert (as_seen(again), is_replayed(again)) == (as_seen(first), True)
    for other in (
        await world.call("POST", url, data=body + b" ", headers=given),
        await world.call("POST", url.replace(NUMBER, SMALL), data=body, headers=given),
        await world.call("POST", url + "?a=1", data=body, headers=given),
    ):
        assert (other.status, other.code, other.rule) == (422, 100, "idempotency")
        assert first.headers["Gateway-Message-Id"] in other.json["error"]["error_data"]["details"]
        assert not is_replayed(other)
    assert len(await world.sends()) == len(await journal(world)) == 1


async def test_other_apps_and_strangers_have_keys_of_their_own(world: World) -> None:
    other_key = (await world.admin("/apps", {"app_id": "other", "name": "Other"}))["key"]
    callers = [None, other_key, world.keys.meta_token, "EAAstranger"]
    answers = [await world.send(NUMBER, BODY, key=key, headers=KEY) for key in callers]
    assert [answer.status for answer in answers] == [200, 200, 200, 401]
    assert not any(is_replayed(answer) for answer in answers)
    for key, answer in zip(callers, answers, strict=True):
        again = await world.send(NUMBER, BODY, key=key, headers=KEY)
        assert (as_seen(again), is_replayed(again)) == (as_seen(answer), True)
    assert len(await world.accepted()) == 3


async def test_after_a_day_the_key_is_free_and_what_it_was_is_forgotten(world: World) -> None:
    first = await send(world)
    await world.advance(DAY_S - 60)
    assert is_replayed(await send(world))
    assert await kept(world) == 1
    await world.advance(61)
    assert await kept(world) == 0
    again = await send(world)
    assert (again.status, is_replayed(again)) == (200, False)
    assert wamid(again) != wamid(first)
    assert len(await world.accepted()) == 2


async def kept(world: World) -> int:
    async with world.database.connection() as connection:
        count: int = await connection.fetchval("select count(*) from idempotency_keys")
        return count


async def test_a_key_does_not_lock_out_a_message_that_was_never_sent(make_world: MakeWorld) -> None:
    world = await make_world(limits={SMALL: 2}, still=True)
    await world.template(SMALL, ANA)
    refused = [await world.template(SMALL, BEN, headers=KEY) for _ in range(2)]
    assert [(answer.status, is_replayed(answer)) for answer in refused] == [(429, False)] * 2
    await world.advance(float(refused[-1].headers["Retry-After"]))
    await world.fault("error", code=130429, times=1)
    answers = [await world.template(SMALL, BEN, headers=KEY) for _ in range(3)]
    assert [answer.code for answer in answers] == [130429, None, None]
    assert [is_replayed(answer) for answer in answers] == [False, False, True]


async def test_a_refusal_of_meta_is_the_answer(world: World) -> None:
    await world.fault("error", code=131026, times=1)
    answers = [await send(world) for _ in range(2)]
    assert [(each.status, each.code) for each in answers] == [(400, 131026)] * 2
    assert [is_replayed(each) for each in answers] == [False, True]
    assert as_seen(answers[0]) == as_seen(answers[1])
    assert len(await world.sends()) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
async def test_what_is_no_key_is_refused_before_anything_happens(world: World, key: str) -> None:
    answer = await world.send(NUMBER, BODY, headers={"Idempotency-Key": key})
    assert (answer.status, answer.code, answer.rule) == (400, 100, "envelope")
    assert await journal(world) == []


async def test_without_a_database_nothing_is_sent_under_a_key(server: Server) -> None:
    """A reply would pass without one, but nobody could know whether it had passed before."""
    options = Options(settings={"database_timeout_s": 1.0})
    async with running_world(server.url, options) as world:
        await world.inbound(SMALL, ANA)
        await server.stop()
        assert (await world.text(SMALL, ANA)).rule == "outage"
        refused = await world.text(SMALL, ANA, headers=KEY)
        assert (refused.status, refused.code) == (503, 133004)
        assert int(refused.headers["Retry-After"]) > 0
        assert len(await world.sends()) == 1
        await server.start()

        async def taken() -> bool:
            return (await world.text(SMALL, ANA, headers=KEY)).status == 200

        await until(taken, "a reply under the key")
        assert len(await world.sends()) == 2


async def test_under_a_key_nothing_passes_when_the_database_goes_away_in_the_middle(
    make_world: MakeWorld,
) -> None:
    world = await make_world(settings={"database_timeout_s": 0.5})
    await world.inbound(SMALL, ANA)
    async with world.database.transaction() as connection:
        await connection.execute("lock table messages in exclusive mode")
        assert (await world.text(SMALL, ANA)).rule == "outage"
        refused = await world.text(SMALL, ANA, headers=KEY)
        assert (refused.status, refused.rule) == (503, "outage")
    assert len(await world.sends()) == 1
    answers = [await world.text(SMALL, ANA, headers=KEY) for _ in range(2)]
    assert [(each.status, is_replayed(each)) for each in answers] == [(200, False), (200, True)]
    assert len(await world.sends()) == 2
