"""An app built on pywa changes one thing, its base URL, and works; pywa itself is unmodified."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from aiohttp import web
from pywa.errors import (
    ExpiredAccessToken,
    ReEngagementMessage,
    SpamRateLimitHit,
    TemplateNotExists,
    TemplatePaused,
    TemporarilyBlocked,
    WhatsAppError,
)
from pywa_async.client import WhatsApp
from pywa_async.handlers import MessageHandler, MessageStatusHandler
from pywa_async.types.templates import TemplateLanguage

from gateway.cli import demo
from gateway.emulator import Knobs
from tests.world import DAY_S, HOST, SMALL, MakeWorld, World

ANA, BEN, CAT = "34600000001", "34600000002", "34600000003"
PATIENCE_S = 10.0
PICTURE = bytes(range(256)) * 100

Connect = Callable[..., WhatsApp]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Return a maker of pywa clients that talk to a world's gateway."""
    sessions: list[httpx.AsyncClient] = []

    def make(world: World, key: str | None = None) -> WhatsApp:
        session = httpx.AsyncClient(timeout=30)
        sessions.append(session)
        client = WhatsApp(
            phone_id=SMALL,
            token=key or world.keys.app_key,
            session=session,
            waba_id=demo.NUMBERS[0].waba_id,
            app_secret=world.keys.app_secret,
            verify_token=world.keys.verify_token,
            validate_updates=True,
        )
        # The one thing an app changes.
        session.base_url = httpx.URL(world.data_url + session.base_url.path)
        return client

    yield make
    for session in sessions:
        await session.aclose()


async def test_text_and_template_are_sent(world: World, connect: Connect) -> None:
    wa = connect(world)
    template = await wa.send_template(ANA, "order_update", TemplateLanguage.ENGLISH_US, [])
    await world.inbound(SMALL, BEN)
    text = await wa.send_message(BEN, "hello", tracker="mine")
    accepted = await world.accepted(SMALL)
    assert [(each["user"], each["type"]) for each in accepted] == [
        (ANA, "template"),
        (BEN, "text"),
    ]
    assert [each["wamid"] for each in accepted] == [template.id, text.id]
    assert await world.violations() == []


async def test_media_go_up_are_sent_by_id_and_come_down(world: World, connect: Connect) -> None:
    wa = connect(world)
    await world.inbound(SMALL, ANA)
    media = await wa.upload_media(PICTURE, mime_type="image/png", filename="a.png")
    assert media is not None
    await wa.send_image(ANA, media.id)
    link = await wa.get_media_url(media.id)
    assert link.file_size == len(PICTURE)
    assert await wa.get_media_bytes(link.url) == PICTURE
    assert [each["type"] for each in await world.accepted(SMALL)] == ["image"]


async def test_a_picture_from_memory_is_uploaded_and_sent_in_one_call(
    world: World, connect: Connect
) -> None:
    await world.inbound(SMALL, ANA)
    sent = await connect(world).send_image(ANA, PICTURE, mime_type="image/png")
    assert [each["wamid"] for each in await world.accepted(SMALL)] == [sent.id]


async def test_messages_are_marked_as_read_and_typing_is_shown(
    world: World, connect: Connect
) -> None:
    wa = connect(world)
    wamid = await world.inbound(SMALL, ANA)
    assert (await wa.mark_message_as_read(wamid)).success
    assert (await wa.indicate_typing(wamid)).success
    assert await world.counted(SMALL) == 0


async def test_the_number_the_profile_and_the_templates_can_be_read(
    world: World, connect: Connect
) -> None:
    wa = connect(world)
    number = await wa.get_business_phone_number()
    assert (number.id, number.display_phone_number) == (
        SMALL,
        demo.NUMBERS[0].display_phone_number,
    )
    assert (await wa.get_business_profile()) is not None
    names = {template.name for template in await wa.get_templates()}
    assert names == {template.name for template in demo.TEMPLATES}


async def refused(expected: type[WhatsAppError], call: Awaitable[object]) -> WhatsAppError:
    with pytest.raises(expected) as error:
        await call
    assert type(error.value) is expected
    return error.value


async def test_refusals_of_the_gateway_are_pywas_own_errors(
    make_world: MakeWorld, connect: Connect
) -> None:
    world = await make_world(limits={SMALL: 2}, still=True)
    wa = connect(world)
    english = TemplateLanguage.ENGLISH_US

    def send(to: str, name: str) -> Awaitable[object]:
        return wa.send_template(to, name, english, [])

    paused = await refused(TemplatePaused, send(ANA, "winter_offer"))
    await refused(TemplateNotExists, send(ANA, "no_such_template"))
    closed = await refused(ReEngagementMessage, wa.send_message(ANA, "hello"))
    assert (paused.code, closed.code) == (132015, 131047)
    assert closed.details
    assert "service window" in closed.details
    await send(ANA, "order_update")
    full = await refused(SpamRateLimitHit, send(BEN, "order_update"))
    assert full.raw_response is not None
    assert full.raw_response.headers["Retry-After"] == str(int(DAY_S))
    assert full.fbtrace_id == full.raw_response.headers["Gateway-Message-Id"]
    # The allowance is used up, so the number is restricted; a reply still passes.
    await refused(TemporarilyBlocked, send(ANA, "order_update"))
    await world.inbound(SMALL, CAT)
    await wa.send_message(CAT, "at your service")
    assert len(await world.accepted(SMALL)) == 2


async def test_a_key_that_is_not_known_is_pywas_expired_token(
    world: World, connect: Connect
) -> None:
    wa = connect(world, key="gw_unknown")
    error = await refused(ExpiredAccessToken, wa.send_message(ANA, "hello"))
    assert error.status_code == 401


class Receiver:
    """An app's own webhook endpoint; Meta's deliveries go to it first, then to the gateway."""

    def __init__(self, wa: WhatsApp, world: World) -> None:
        self.wa = wa
        self.world = world
        self.refused: list[tuple[str, int]] = []

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        signature = request.headers.get("X-Hub-Signature-256")
        refusal = await self.wa.webhook_update_validator(body, signature)
        if refusal is not None:
            self.refused.append(refusal)
            return web.Response(status=refusal[1], text=refusal[0])
        text, status = await self.wa.webhook_update_handler(body)
        await self.world.call(
            "POST",
            f"{self.world.data_url}/webhooks/whatsapp",
            data=body,
            headers={"X-Hub-Signature-256": signature or ""},
        )
        return web.Response(status=status, text=text)


@pytest.fixture
async def receiver(make_world: MakeWorld, connect: Connect) -> AsyncIterator[Receiver]:
    """Put an app's endpoint between the emulator and the gateway."""
    # pywa reads the first update of a delivery only.
    world = await make_world(knobs=Knobs(batch_max=1))
    wa = connect(world)
    receiving = Receiver(wa, world)
    app = web.Application()
    app.router.add_post("/webhooks/whatsapp", receiving.receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    world.aim_webhooks(f"http://{HOST}:{runner.addresses[0][1]}")
    yield receiving
    await runner.cleanup()


async def test_pywas_own_handler_takes_what_the_emulator_tells(
    receiver: Receiver,
) -> None:
    wa, world = receiver.wa, receiver.world
    messages: asyncio.Queue[Any] = asyncio.Queue()
    statuses: asyncio.Queue[Any] = asyncio.Queue()

    async def on_message(_wa: Any, message: Any) -> None:
        await messages.put(message)

    async def on_status(_wa: Any, status: Any) -> None:
        await statuses.put(status)

    wa.add_handlers(MessageHandler(on_message), MessageStatusHandler(on_status))
    wamid = await world.inbound(SMALL, ANA, "good morning")
    async with asyncio.timeout(PATIENCE_S):
        message = await messages.get()
        assert (message.id, message.text, message.from_user.wa_id) == (wamid, "good morning", ANA)
        sent = await message.reply("good morning to you")
        heard = [await statuses.get() for _ in range(2)]
    assert {status.id for status in heard} == {sent.id}
    assert {status.status.name for status in heard} == {"SENT", "DELIVERED"}
    await world.flush()
    assert receiver.refused == []


async def test_a_delivery_of_somebody_else_is_refused_by_pywa(
    receiver: Receiver,
) -> None:
    url = f"{receiver.world.emulator.state.sender.url}"
    forged = await receiver.world.call(
        "POST", url, data=b"{}", headers={"X-Hub-Signature-256": "sha256=" + "0" * 64}
    )
    assert forged.status in {401, 403}
    assert len(receiver.refused) == 1
