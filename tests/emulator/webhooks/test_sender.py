import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pywa.utils import webhook_updates_validator

from gateway.emulator import Knobs
from gateway.emulator.webhooks.sender import WebhookSender, signature_of
from gateway.emulator.webhooks.updates import Update
from tests.emulator.conftest import (
    ANA,
    LONE,
    SECRET,
    Cloud,
    Receiver,
    Start,
    StillClock,
    flushed,
    template,
    text,
)


def update(name: str = "x", waba: str = "1", time: int | None = None) -> Update:
    return Update(waba, "messages", {"name": name}, time)


@pytest.fixture
async def sender(receiver: tuple[Receiver, str]) -> AsyncIterator[WebhookSender]:
    knobs, clock = Knobs(), StillClock()
    one = WebhookSender(SECRET, knobs, lambda: clock.now().timestamp(), seeded())
    one.url = receiver[1]
    await one.start()
    yield one
    await one.stop()


def seeded() -> random.Random:
    return random.Random(3)  # noqa: S311 - repeatable on purpose


def test_the_signature_of_a_known_body() -> None:
    """Source: G-WH; vector of R§8.1."""
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    assert signature_of(b"test_app_secret", body) == (
        "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"
    )


async def test_an_unmodified_sdk_takes_the_signature(told: tuple[Cloud, Receiver]) -> None:
    cloud, receiver = told
    await cloud.write()
    await flushed(cloud)
    raw, signature = receiver.raw[0]
    assert webhook_updates_validator(SECRET, raw, signature)


async def test_updates_arrive_in_order_and_batches(
    sender: WebhookSender, receiver: tuple[Receiver, str]
) -> None:
    for index in range(45):
        sender.post(update(str(index)))
    assert sender.pending == 45
    assert await sender.flush(5) == 0
    assert [each["name"] for each in receiver[0].values()] == [str(i) for i in range(45)]
    assert [len(body["entry"][0]["changes"]) for body in receiver[0].bodies] == [20, 20, 5]


@pytest.mark.parametrize("status", [500, 302, 204])
async def test_anything_but_200_is_tried_again(
    sender: WebhookSender, receiver: tuple[Receiver, str], status: int
) -> None:
    """Source: W-OVR, 17 Jun 2026 (R§8.1)."""
    taking, _ = receiver
    taking.replies = [status, status]
    sender.post(update())
    assert await sender.flush(5) == 0
    assert len(taking.raw) == 3
    assert len(taking.bodies) == 1


async def test_the_first_retry_needs_no_clock(
    sender: WebhookSender, receiver: tuple[Receiver, str]
) -> None:
    taking, _ = receiver
    taking.replies = [500]
    sender.post(update())
    async with asyncio.timeout(5):
        while not taking.bodies:
            taking.arrived.clear()
            await taking.arrived.wait()
    assert len(taking.raw) == 2


async def test_a_receiver_that_was_down_gets_it_later(told: tuple[Cloud, Receiver]) -> None:
    """Source: R§8.1: retried for 7 days."""
    cloud, receiver = told
    url = cloud.emulator.state.sender.url
    cloud.emulator.state.sender.url = "http://127.0.0.1:1/nobody"
    await cloud.write()
    assert (await cloud.steer("/webhooks/flush?timeout_s=0.3"))["pending"] == 1
    cloud.emulator.state.sender.url = url
    await cloud.steer("/clock", advance_s=6 * 86_400)
    await flushed(cloud)
    assert len(receiver.values()) == 1


async def test_after_seven_days_an_update_is_dropped(told: tuple[Cloud, Receiver]) -> None:
    """Source: W-OVR, 21 Apr 2026 (R§8.1)."""
    cloud, receiver = told
    cloud.emulator.state.sender.url = "http://127.0.0.1:1/nobody"
    await cloud.write()
    assert (await cloud.steer("/webhooks/flush?timeout_s=0.3"))["pending"] == 1
    await cloud.steer("/clock", advance_s=7 * 86_400)
    await flushed(cloud)
    assert receiver.bodies == []


@pytest.mark.parametrize("horizon_s", [0.0, 3600.0])
async def test_the_horizon_is_a_knob_and_what_is_given_up_is_counted(
    told: tuple[Cloud, Receiver], horizon_s: float
) -> None:
    """Source: R§8.1, R§12.1 row 13: 7 days, 36 h in older texts."""
    cloud, _ = told
    sender = cloud.emulator.state.sender
    sender.url = "http://127.0.0.1:1/nobody"
    await cloud.steer("/knobs", webhook_retry_horizon_s=horizon_s)
    await cloud.write()
    if horizon_s:
        assert (await cloud.steer("/webhooks/flush?timeout_s=0.3"))["pending"] == 1
        cloud.clock.advance(horizon_s)
    await flushed(cloud)
    assert (sender.given_up, sender.delivered) == (1, 0)


async def test_every_retry_has_the_very_same_bytes(told: tuple[Cloud, Receiver]) -> None:
    """Source: W-OVR (R§8.1)."""
    cloud, receiver = told
    receiver.replies = [500, 500, 500]
    await cloud.write()
    await flushed(cloud)
    assert len(receiver.raw) == 4
    assert len(set(receiver.raw)) == 1


async def test_who_does_not_answer_in_time_is_tried_again(start: Start) -> None:
    """Source: R§12.1 row 14, undocumented by Meta."""
    attempts: list[bytes] = []
    over = asyncio.Event()

    async def slow_at_first(request: web.Request) -> web.Response:
        attempts.append(await request.read())
        if len(attempts) == 1:
            await over.wait()
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", slow_at_first)
    async with TestServer(app) as server:
        url = str(server.make_url("/hook"))
        cloud = await start(webhook_url=url, knobs=Knobs(webhook_timeout_s=0.05))
        await cloud.write()
        await flushed(cloud)
        over.set()
    assert len(attempts) == 2


async def bodies_of_a_script(start: Start, *, is_slow: bool) -> list[tuple[bytes, str]]:
    """Play a script of calls; a slow receiver does not answer before all of them were made."""
    script_is_over = asyncio.Event()
    if not is_slow:
        script_is_over.set()
    taken: list[tuple[bytes, str]] = []

    async def take(request: web.Request) -> web.Response:
        taken.append((await request.read(), request.headers["X-Hub-Signature-256"]))
        await script_is_over.wait()
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    async with TestServer(app) as server:
        knobs = Knobs(read=True, read_after_s=30, jitter=0.5, reorder_rate=0.5, duplicate_rate=0.2)
        cloud = await start(webhook_url="http://127.0.0.1:1/", knobs=knobs)
        cloud.emulator.state.sender.url = str(server.make_url("/hook"))
        for turn in range(10):
            await cloud.write(f"+3460000010{turn}")
            await asyncio.gather(*(cloud.send(text(f"+3460000010{turn}")) for _ in range(3)))
            await cloud.send(template(ANA))
            await cloud.steer("/numbers/" + LONE, messaging_limit=250 * (turn + 1))
            cloud.clock.advance(20)
            cloud.emulator.on_clock_advanced()
        script_is_over.set()
        await flushed(cloud)
    return taken


async def test_the_same_calls_give_the_same_bodies_however_fast_they_are_taken(
    start: Start,
) -> None:
    quick, slow = [await bodies_of_a_script(start, is_slow=slow) for slow in (False, True)]
    assert len(quick) > 40
    assert quick == slow


async def test_a_pause_holds_everything_back(told: tuple[Cloud, Receiver]) -> None:
    cloud, receiver = told
    await cloud.steer("/knobs", webhooks_paused=True)
    await cloud.write()
    assert (await cloud.steer("/webhooks/flush?timeout_s=0.1"))["pending"] == 1
    await cloud.steer("/knobs", webhooks_paused=False)
    await flushed(cloud)
    assert len(receiver.values()) == 1


async def test_a_shuffle_changes_the_order_and_loses_nothing(
    told: tuple[Cloud, Receiver],
) -> None:
    cloud, receiver = told
    await cloud.steer("/knobs", shuffle=True, webhooks_paused=True)
    sent = [await cloud.write() for _ in range(10)]
    await cloud.steer("/knobs", webhooks_paused=False)
    await flushed(cloud)
    arrived = [value["messages"][0]["id"] for value in receiver.values()]
    assert sorted(arrived) == sorted(sent)
    assert arrived != sent


def test_without_a_url_nothing_is_queued() -> None:
    one = WebhookSender(SECRET, Knobs(), lambda: 0.0, seeded())
    one.post(update())
    assert one.pending == 0


@pytest.mark.parametrize(("token", "is_verified"), [("right", True), ("wrong", False)])
async def test_a_receiver_is_verified(
    sender: WebhookSender, token: str, *, is_verified: bool
) -> None:
    """Source: W-OVR, 17 Jun 2026 (R§8.1)."""

    async def verify(request: web.Request) -> web.Response:
        if request.query["hub.verify_token"] != "right":
            return web.Response(status=403)
        return web.Response(text=request.query["hub.challenge"])

    app = web.Application()
    app.router.add_get("/hook", verify)
    async with TestServer(app) as server:
        url = str(server.make_url("/hook"))
        assert await sender.is_verified(url, token, "challenge") is is_verified
    assert not await sender.is_verified("http://127.0.0.1:1/", token, "challenge")
