"""Lives through a week of 1,000 people who get two messages a day, on real sockets."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import uvloop
from aiohttp import web

from benchmarks.campaigns import HOUR_S
from benchmarks.routes import HOST, CampaignClock
from gateway.emulator import Emulator, Knobs, World, running

PEOPLE: Final = 1_000
DAYS: Final = 7
_NUMBER: Final = "200000000000001"
_LINES: Final = 8
_HEAD: Final = (
    f"POST /{_NUMBER}/messages HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer EAAweek\r\n"
    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
).encode()
_BODY: Final = (
    b'{"messaging_product":"whatsapp","to":"+346%08d","type":"template",'
    b'"template":{"name":"news","language":{"code":"en_US"}}}'
)


@dataclass(frozen=True, slots=True)
class Week:
    """How long it took, and how much there was of it."""

    seconds: float
    sends: int
    updates: int


def live() -> Week:
    """Live through the week."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_live())


async def _live() -> Week:
    world = World.model_validate(
        {
            "tokens": [{"token": "EAAweek", "waba_ids": ["1"]}],
            "portfolios": [{"id": "4"}],
            "numbers": [
                {
                    "phone_number_id": _NUMBER,
                    "display_phone_number": "+1 555-000-1001",
                    "waba_id": "1",
                    "portfolio_id": "4",
                    "throughput": 1_000_000,
                }
            ],
            "templates": [
                {"id": "6", "waba_id": "1", "name": "news", "category": "UTILITY", "appeal": 0.95}
            ],
            "population": {},
        }
    )
    clock = CampaignClock()
    knobs = Knobs(read=True, status_delay_s=1, delivered_after_s=5, read_after_s=600, jitter=0.5)
    emulator = Emulator(world, clock=clock, mode="observe", knobs=knobs)
    hook = web.Server(_take)
    receiver = web.ServerRunner(hook)
    await receiver.setup()
    site = web.TCPSite(receiver, HOST, 0)
    await site.start()
    async with running(emulator, HOST, 0) as url:
        emulator.state.sender.url = f"http://{HOST}:{receiver.addresses[0][1]}/"
        started = time.perf_counter()
        for hour in range(24 * DAYS):
            if hour % 24 in {9, 17}:
                await _to_everybody(url)
            clock.advance(HOUR_S)
            await emulator.tick()
        if await emulator.state.sender.flush(60.0):
            raise RuntimeError("not every webhook was taken")
        seconds = time.perf_counter() - started
    await receiver.cleanup()
    return Week(seconds, emulator.state.journal.sends_seen, emulator.state.sender.delivered)


async def _take(request: web.BaseRequest) -> web.Response:
    await request.read()
    return web.Response()


async def _to_everybody(url: str) -> None:
    """Send to everybody over a few connections, without a client that would be the slowest part."""
    await asyncio.gather(*(_to_some(url, range(at, PEOPLE, _LINES)) for at in range(_LINES)))


async def _to_some(url: str, users: range) -> None:
    reader, writer = await asyncio.open_connection(HOST, int(url.rpartition(":")[2]))
    for user in users:
        body = _BODY % user
        writer.write(_HEAD % len(body) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        answer = await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(answer.decode())
    writer.close()
    await writer.wait_closed()
