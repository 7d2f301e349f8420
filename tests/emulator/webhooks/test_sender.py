import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pywa.utils import webhook_updates_validator

from gateway.emulator import Knobs
from gateway.emulator.webhooks.sender import WebhookSender, body_of, signature_of
from gateway.emulator.webhooks.updates import Update
from tests.emulator.conftest import SECRET, Cloud, Receiver, StillClock, flushed


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


def unstarted(knobs: Knobs) -> WebhookSender:
    one = WebhookSender(SECRET, knobs, lambda: 0.0, seeded())
    one.url = "http://127.0.0.1:1/hook"
    return one


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


def test_neighbours_of_one_account_share_an_entry() -> None:
    """Source: R§8.3: time on account fields, none on messages."""
    body = body_of([update("a"), update("b"), update("c", time=5), update("d", waba="2")])
    assert body == (
        b'{"object":"whatsapp_business_account","entry":['
        b'{"id":"1","changes":[{"field":"messages","value":{"name":"a"}},'
        b'{"field":"messages","value":{"name":"b"}}]},'
        b'{"id":"1","time":5,"changes":[{"field":"messages","value":{"name":"c"}}]},'
        b'{"id":"2","changes":[{"field":"messages","value":{"name":"d"}}]}]}'
    )


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


async def test_a_pause_holds_everything_back(told: tuple[Cloud, Receiver]) -> None:
    cloud, receiver = told
    await cloud.steer("/knobs", webhooks_paused=True)
    await cloud.write()
    assert (await cloud.steer("/webhooks/flush?timeout_s=0.1"))["pending"] == 1
    await cloud.steer("/knobs", webhooks_paused=False)
    await flushed(cloud)
    assert len(receiver.values()) == 1


def test_updates_are_lost_and_doubled_by_the_rates() -> None:
    for knobs, pending in (
        (Knobs(drop_rate=1), 0),
        (Knobs(duplicate_rate=1), 20),
        (Knobs(), 10),
    ):
        one = unstarted(knobs)
        for _ in range(10):
            one.post(update())
        assert one.pending == pending


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
    one = unstarted(Knobs())
    one.url = None
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
