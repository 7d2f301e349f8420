import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateway.web.draining import CUT, GIVE_UP, Drain
from gateway.web.server import listen
from tests.web.wire import PATIENCE_S, exchange, read, request_bytes
from tests.world import HOST

ASK = request_bytes("GET", "/")


@dataclass
class Counter:
    """A listener that is drained, and holds every request for as long as it is told."""

    drain: Drain
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    given_up: list[float] = field(default_factory=list)
    began: float = 0.0
    url: str = ""

    async def open(self) -> None:
        server = web.Server(self._answer)
        self.runner = web.ServerRunner(server, shutdown_timeout=0.01)
        self.url = f"http://{HOST}:{await listen(self.runner, HOST, 0)}"

    async def _answer(self, _request: web.BaseRequest) -> web.StreamResponse:
        self.drain.enter()
        try:
            self.arrived.set()
            await self.let_go.wait()
        finally:
            self.drain.leave()
        return web.Response(text="done")

    async def give_up(self) -> None:
        self.given_up.append(time.monotonic() - self.began)

    async def go(self) -> None:
        self.began = time.monotonic()
        await self.drain.run(self.runner, self.give_up)

    async def asked(self) -> asyncio.Task[bytes]:
        """Ask; returns once the request is being handled."""
        asking = asyncio.create_task(exchange(self.url, ASK))
        async with asyncio.timeout(PATIENCE_S):
            await self.arrived.wait()
        self.arrived.clear()
        return asking

    async def is_open(self) -> bool:
        address = urlsplit(self.url)
        try:
            _, writer = await asyncio.open_connection(address.hostname, address.port)
        except ConnectionRefusedError:
            return False
        writer.close()
        await writer.wait_closed()
        return True


async def opened(most_s: float, grace_s: float = 0.0) -> Counter:
    counter = Counter(Drain(most_s, grace_s))
    await counter.open()
    return counter


@pytest.fixture
async def counter() -> AsyncIterator[Counter]:
    """Return a listener with plenty of time."""
    made = await opened(PATIENCE_S)
    yield made
    made.let_go.set()
    await made.runner.cleanup()


async def test_the_doors_are_closed_before_whoever_waits_is_told_and_what_was_begun_is_finished(
    counter: Counter,
) -> None:
    told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    asking = await counter.asked()
    addresses = counter.runner.addresses
    counter.drain.on_drain.append(lambda: told.set_result(counter.runner.addresses == []))
    going = asyncio.create_task(counter.go())
    assert await told
    assert addresses
    assert (counter.drain.has_begun, going.done()) == (True, False)
    assert not await counter.is_open()
    counter.let_go.set()
    assert read(await asking).body == b"done"
    await going
    assert (counter.drain.is_complete, counter.given_up) == (True, [])


async def test_an_idle_connection_is_closed_and_does_not_hold_up_the_end(counter: Counter) -> None:
    address = urlsplit(counter.url)
    counter.let_go.set()
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(ASK)
    await reader.readuntil(b"done")
    await asyncio.wait_for(counter.go(), PATIENCE_S / 2)
    assert await reader.read() == b""
    writer.close()


async def test_for_the_grace_everything_is_served_while_it_is_shown_what_is_to_come() -> None:
    counter = await opened(PATIENCE_S, grace_s=0.2)
    counter.let_go.set()
    going = asyncio.create_task(counter.go())
    await asyncio.sleep(0)
    assert counter.drain.has_begun
    assert read(await exchange(counter.url, ASK)).body == b"done"
    await going
    assert time.monotonic() - counter.began >= 0.2
    assert not await counter.is_open()


async def test_meta_is_given_up_and_then_requests_are_cut_off_within_the_bound() -> None:
    counter = await opened(0.5)
    asking = await counter.asked()
    with capture_logs() as logs:
        await counter.go()
    took_s = time.monotonic() - counter.began
    assert await asking == b""
    (given_up_s,) = counter.given_up
    assert 0.5 * GIVE_UP <= given_up_s <= took_s
    assert 0.5 * CUT <= took_s < 1.0
    assert not counter.drain.is_complete
    assert [entry["event"] for entry in logs] == [
        "draining",
        "Meta is waited for no longer",
        "requests are cut off",
    ]


async def test_what_is_answered_once_meta_is_given_up_is_not_cut_off() -> None:
    counter = await opened(0.5)
    asking = await counter.asked()

    async def give_up() -> None:
        counter.let_go.set()

    await counter.drain.run(counter.runner, give_up)
    assert read(await asking).body == b"done"
    assert counter.drain.is_complete


async def test_a_last_step_may_take_as_long_as_is_left_and_no_longer() -> None:
    counter = await opened(0.3)
    ended: list[str] = []

    async def stuck() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("stuck")

    async def quick() -> None:
        ended.append("quick")

    await counter.go()
    with capture_logs() as logs:
        await counter.drain.bounded("stuck", stuck)
    assert 0.3 <= time.monotonic() - counter.began < 1.0
    assert not counter.drain.is_complete
    assert [(entry["event"], entry["step"]) for entry in logs] == [("no time is left", "stuck")]
    await counter.drain.bounded("quick", quick)
    assert ended == ["stuck", "quick"], "what needs no time still happens"


async def test_a_last_step_that_fails_says_so_and_one_before_the_end_has_no_bound() -> None:
    drain = Drain(0.0, 0.0)

    async def fail() -> None:
        for _ in range(3):  # turns of the loop, in the first of which a bound of 0 would end it
            await asyncio.sleep(0)
        raise OSError("made-up")

    with pytest.raises(OSError, match="made-up"):
        await drain.bounded("fails", fail)
    assert drain.is_complete
