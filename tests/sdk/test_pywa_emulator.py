"""An app built on pywa may be pointed at the emulator itself; pywa is unmodified."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest
from pywa import errors
from pywa.client import WhatsApp as SynchronousWhatsApp
from pywa.errors import WhatsAppError
from pywa.types.callback import Button, Section, SectionList, SectionRow
from pywa.types.others import Contact
from pywa_async.client import WhatsApp
from pywa_async.types.templates import TemplateLanguage

from gateway.emulator.error_codes import WITHOUT_DATA
from tests.emulator.conftest import ANA, BEN, TOKEN, WABA
from tests.sdk.conftest import ERROR_CODES, NUMBER, PICTURE, Cloud

# What the classes of some codes are called, written down by hand: pywa's own table, which the
# long test reads, must not be the only witness.
WELL_KNOWN = {
    10: errors.PermissionDenied,
    190: errors.ExpiredAccessToken,
    368: errors.TemporarilyBlocked,
    130429: errors.RateLimitHit,
    131031: errors.AccountLocked,
    131047: errors.ReEngagementMessage,
    131048: errors.SpamRateLimitHit,
    131056: errors.TooManyMessages,
    132001: errors.TemplateNotExists,
    132015: errors.TemplatePaused,
    133016: errors.RegistrationOrDeregistrationFailed,
    80008: WhatsAppError,
}


@pytest.fixture
async def wa(cloud: Cloud) -> AsyncIterator[WhatsApp]:
    """Return a client whose session has the emulator's address, which is all that differs."""
    async with httpx.AsyncClient(timeout=30) as session:
        client = WhatsApp(phone_id=NUMBER, token=TOKEN, session=session, waba_id=WABA)
        session.base_url = httpx.URL(cloud.url + session.base_url.path)
        yield client


async def test_messages_of_every_kind_are_sent(cloud: Cloud, wa: WhatsApp) -> None:
    theirs = await cloud.write(ANA)
    media = await wa.upload_media(PICTURE, mime_type="image/png", filename="a.png")
    assert media is not None
    rows = SectionList("Choose", [Section("Sizes", [SectionRow("Small", "s", "for one")])])
    ann = Contact(
        Contact.Name(formatted_name="Ann Example", first_name="Ann"),
        phones=[Contact.Phone("+1555")],
    )
    sent = [
        await wa.send_message(ANA, "hello", preview_url=True, reply_to_message_id=theirs),
        await wa.send_template(ANA, "order", TemplateLanguage.ENGLISH_US, []),
        await wa.send_image(ANA, media.id, caption="by its id"),
        await wa.send_image(ANA, "https://example.com/a.png"),
        await wa.send_document(ANA, "https://example.com/a.pdf", filename="a.pdf"),
        await wa.send_location(ANA, 41.4, 2.2, "Here", "1 Example Street"),
        await wa.send_contact(ANA, ann),
        await wa.send_message(ANA, "Now?", buttons=[Button("Yes", "y"), Button("No", "n")]),
        await wa.send_message(ANA, "Which?", header="Sizes", footer="Thanks", buttons=rows),
        await wa.send_reaction(ANA, "👍", theirs),
        await wa.remove_reaction(ANA, theirs),
    ]
    accepted = await cloud.sends()
    assert [each["wamid"] for each in accepted] == [each.id for each in sent]
    assert [each["type"] for each in accepted] == [
        *("text", "template", "image", "image", "document", "location", "contacts"),
        *("interactive", "interactive", "reaction", "reaction"),
    ]
    assert {each.input for each in sent} == {ANA}


async def test_a_message_is_marked_as_read_and_typing_is_shown(cloud: Cloud, wa: WhatsApp) -> None:
    wamid = await cloud.write(ANA)
    assert (await wa.mark_message_as_read(wamid)).success
    assert (await wa.indicate_typing(wamid)).success
    assert await cloud.sends() == []


async def test_media_go_up_come_down_and_are_deleted(wa: WhatsApp) -> None:
    media = await wa.upload_media(PICTURE, mime_type="image/png", filename="a.png")
    assert media is not None
    described = await wa.get_media_url(media.id)
    assert described.id == media.id
    assert described.mime_type == "image/png"
    assert described.sha256 == hashlib.sha256(PICTURE).hexdigest()
    assert described.file_size == len(PICTURE)
    assert await wa.get_media_bytes(described.url) == PICTURE
    assert (await wa.delete_media(media.id, phone_id=NUMBER)).success
    with pytest.raises(WhatsAppError) as gone:
        await wa.get_media_url(media.id)
    assert (gone.value.code, gone.value.subcode) == (100, 33)


async def test_the_number_its_account_and_its_profile_are_read(wa: WhatsApp) -> None:
    number = await wa.get_business_phone_number()
    assert (number.id, number.display_phone_number) == (NUMBER, "+34 900 000 333")
    assert number.quality_rating == "GREEN"
    assert number.throughput == {"level": "STANDARD"}
    assert NUMBER in {each.id for each in await wa.get_business_phone_numbers()}
    account = await wa.get_business_account()
    assert (account.id, account.subscribed_apps) == (WABA, ())
    names = {template.name for template in await wa.get_templates()}
    assert names == {"promo", "order"}
    assert (await wa.update_business_profile(about="Open all day")).success
    assert (await wa.get_business_profile()).about == "Open all day"


async def test_every_error_is_pywas_own(cloud: Cloud, wa: WhatsApp) -> None:
    """Source: ERR, 12 Dec 2025 (R§1.10, R§7.1-7.8)."""
    await cloud.arm_every_error()
    known = errors._all_exceptions()  # noqa: SLF001 - pywa's table of codes has no other door
    wrong = {}
    raised: dict[int, type[WhatsAppError]] = {}
    for code in ERROR_CODES:
        with pytest.raises(WhatsAppError) as error:
            await wa.send_message(ANA, "hello")
        no = error.value
        raised[no.code] = type(no)
        if (type(no), no.code) != (known.get(code, WhatsAppError), code):
            wrong[code] = no
        assert no.message
        assert no.fbtrace_id
        assert no.details == (None if code in WITHOUT_DATA else f"details of {code}")
    assert wrong == {}
    assert raised.items() >= WELL_KNOWN.items()
    assert await cloud.sends() == []


async def test_a_broken_rule_is_pywas_own_error_with_its_details(
    cloud: Cloud, wa: WhatsApp
) -> None:
    with pytest.raises(errors.ReEngagementMessage) as closed:
        await wa.send_message(BEN, "hello")
    assert closed.value.details
    assert closed.value.status_code == 400
    with pytest.raises(errors.TemplateNotExists) as unknown:
        await wa.send_template(BEN, "no_such_template", TemplateLanguage.ENGLISH_US, [])
    assert unknown.value.status_code == 404
    assert await cloud.sends() == []


async def test_an_error_on_another_path_has_all_that_graph_adds(cloud: Cloud, wa: WhatsApp) -> None:
    """Source: ERR, 12 Dec 2025 (R§1.10)."""
    added = {"subcode": 7, "is_transient": True}
    shown = {"error_user_title": "Not now", "error_user_msg": "Try again later"}
    await cloud.steer("/faults", {"action": "error", "code": 2, "http_status": 503} | added | shown)
    with pytest.raises(WhatsAppError) as error:
        await wa.get_business_phone_number()
    no = error.value
    assert (no.code, no.subcode, no.is_transient, no.status_code) == (2, 7, True, 503)
    assert (no.user_title, no.user_msg) == ("Not now", "Try again later")


async def test_a_token_that_is_not_known_is_pywas_expired_token(cloud: Cloud) -> None:
    async with httpx.AsyncClient(timeout=30) as session:
        stranger = WhatsApp(phone_id=NUMBER, token="unknown", session=session)
        session.base_url = httpx.URL(cloud.url + session.base_url.path)
        with pytest.raises(errors.ExpiredAccessToken) as refused:
            await stranger.get_business_phone_number()
    assert refused.value.status_code == 401


async def test_the_synchronous_pywa_works_as_well(cloud: Cloud) -> None:
    await cloud.write(ANA)

    def talk() -> tuple[str, str]:
        with httpx.Client(timeout=30) as session:
            client = SynchronousWhatsApp(phone_id=NUMBER, token=TOKEN, session=session)
            session.base_url = httpx.URL(cloud.url + session.base_url.path)
            sent = client.send_message(ANA, "hello")
            with pytest.raises(errors.ReEngagementMessage):
                client.send_message(BEN, "hello")
            return sent.id, client.get_business_phone_number().id

    wamid, number_id = await asyncio.to_thread(talk)
    assert [each["wamid"] for each in await cloud.sends()] == [wamid]
    assert number_id == NUMBER
