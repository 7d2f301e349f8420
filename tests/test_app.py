import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientError, web

from gateway.app import Gateway, cloud_settings, knobs_of
from gateway.clock import SandboxClock, SystemClock
from gateway.config import isolated
from gateway.store.errors import StoreUnavailableError
from gateway.store.vault import VaultError
from tests.web.wire import FakeCloud
from tests.world import DAY_S, HOST, SMALL, MakeWorld, World

ANA = "+34600000001"


def settings(database_url: str, **more: Any) -> Any:
    chosen = {"port": 0, "admin_port": 0, "cloud_url": "http://127.0.0.1:1", "vault_key": "x"}
    chosen |= {"drain_grace_s": 0}
    return isolated(database_url=database_url, **chosen | more)


def other_tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def is_listening(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_it_listens_while_it_lasts_and_leaves_nothing_behind(database_url: str) -> None:
    before = other_tasks()
    gateway = Gateway(settings(database_url))
    async with gateway:
        urls = (gateway.addresses.data_url, gateway.addresses.admin_url)
        assert len(set(urls)) == 2
        assert [await is_listening(url) for url in urls] == [True, True]
        assert {task.get_name() for task in other_tasks() - before} >= {
            "answers",
            "digest",
            "directory",
            "poll",
            "sweep",
        }
    assert [await is_listening(url) for url in urls] == [False, False]
    assert other_tasks() == before


@pytest.mark.parametrize("which", ["port", "admin_port"])
async def test_a_start_that_fails_half_way_leaves_nothing_behind(
    database_url: str, which: str
) -> None:
    before = other_tasks()
    with socket.create_server((HOST, 0)) as taken:
        gateway = Gateway(settings(database_url, **{which: taken.getsockname()[1]}))
        with pytest.raises(OSError, match="in use"):
            await gateway.__aenter__()
    assert other_tasks() == before
    with pytest.raises(StoreUnavailableError):
        async with gateway.database.connection():
            pass


async def test_without_a_database_or_with_the_wrong_vault_key_it_does_not_start(
    make_world: MakeWorld,
) -> None:
    with pytest.raises(StoreUnavailableError):
        await Gateway(settings("postgresql://127.0.0.1:1/x")).__aenter__()
    world = await make_world(gateway=False)
    with pytest.raises(VaultError):
        await Gateway(settings(world.database_url, vault_key="another")).__aenter__()


@pytest.fixture
async def cloud() -> AsyncIterator[FakeCloud]:
    """Return a Cloud API that does as it is told."""
    fake = await FakeCloud().start()
    yield fake
    await fake.stop()


async def test_what_is_in_flight_at_the_end_is_answered_and_written_down(
    make_world: MakeWorld, cloud: FakeCloud
) -> None:
    faked = await make_world(polled=False, settings={"cloud_url": cloud.url})
    arrived, may_answer = asyncio.Event(), asyncio.Event()

    async def slowly(request: web.Request, _body: bytes) -> web.StreamResponse:
        if not request.path.endswith("/messages"):  # the poller asks too
            return web.json_response({"data": []})
        arrived.set()
        await may_answer.wait()
        return web.json_response({"messages": [{"id": "wamid.slow"}]})

    await faked.inbound(SMALL, ANA)
    cloud.script = slowly
    sending = asyncio.create_task(faked.text(SMALL, ANA))
    await arrived.wait()
    closing = asyncio.create_task(faked.gateway.__aexit__())
    for _ in range(100):  # turns of the event loop, in which it could end if it did not wait
        await asyncio.sleep(0)
    assert not closing.done()
    may_answer.set()
    answer = await sending
    await closing
    assert (answer.status, answer.json["messages"][0]["id"]) == (200, "wamid.slow")
    with pytest.raises(ClientError):
        await faked.text(SMALL, ANA)
    async with faked.database.connection() as connection:
        rows = await connection.fetch("select state, wamid from messages")
    assert [tuple(row) for row in rows] == [("accepted", "wamid.slow")]


def test_the_clock_is_the_machines_outside_a_sandbox() -> None:
    url = "postgresql://127.0.0.1:1/x"
    given = SandboxClock()
    assert isinstance(Gateway(settings(url)).clock, SystemClock)
    assert isinstance(Gateway(settings(url, sandbox=True)).clock, SandboxClock)
    assert Gateway(settings(url), given).clock is given


async def test_a_clock_that_was_moved_stays_moved_for_the_next_process(
    make_world: MakeWorld,
) -> None:
    world = await make_world()
    await world.advance(DAY_S)
    async with Gateway(settings(world.database_url, **later(world))) as later_one:
        ahead = later_one.clock.now() - SystemClock().now()
    assert ahead >= timedelta(days=1) - timedelta(seconds=1)


def later(world: World) -> dict[str, Any]:
    return {"sandbox": True, "vault_key": world.keys.vault_key}


async def test_who_wants_to_hear_of_a_move_hears_of_it_before_the_answer(
    world: World,
) -> None:
    heard: list[float] = []
    before = world.clock.offset_s

    async def listen() -> None:
        heard.append(world.clock.offset_s - before)

    world.gateway.on_advance(listen)
    await world.advance(3600)
    assert heard == [3600]


async def test_what_is_due_after_a_move_has_happened_when_it_is_answered(
    world: World,
) -> None:
    assert (await world.template(SMALL, ANA)).status == 200
    await world.advance(DAY_S + 1)
    async with world.database.connection() as connection:
        assert await connection.fetchval("select count(*) from ledger") == 0


def test_settings_become_knobs_and_the_address_of_the_cloud() -> None:
    chosen = settings(
        "postgresql://127.0.0.1:1/x",
        pair_capacity=7,
        shadow_rules=["pair_rate"],
        cloud_url="http://127.0.0.1:2",
        cloud_version="v26.0",
        cloud_timeout_s=3,
    )
    knobs = knobs_of(chosen)
    assert (knobs.pair_capacity, knobs.shadow) == (7, frozenset({"pair_rate"}))
    cloud = cloud_settings(chosen)
    assert (cloud.base_url, cloud.version, cloud.answer_timeout_s) == (
        "http://127.0.0.1:2",
        "v26.0",
        3,
    )
