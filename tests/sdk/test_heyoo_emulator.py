"""An app built on heyoo may be pointed at the emulator; heyoo, which is synchronous, is unmodified.

heyoo has no call for the number's node or for its profile.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from heyoo import WhatsApp

from tests.emulator.conftest import ANA, BEN, TOKEN
from tests.sdk.conftest import ERROR_CODES, NUMBER, PICTURE, Cloud

META = "https://graph.facebook.com"
USER = ANA.removeprefix("+")
LIST = {
    "header": "Sizes",
    "body": "Which?",
    "footer": "Thanks",
    "action": {
        "button": "Choose",
        "sections": [{"title": "Sizes", "rows": [{"id": "s", "title": "Small"}]}],
    },
}
BUTTONS = {
    "type": "button",
    "body": {"text": "Now?"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]},
}
CONTACTS = [{"name": {"formatted_name": "Ann Example", "first_name": "Ann"}}]


@pytest.fixture
def heyoo(cloud: Cloud) -> WhatsApp:
    """Return a client whose three addresses lead to the emulator, versions as heyoo has them."""
    client = WhatsApp(TOKEN, phone_number_id=NUMBER)
    client.base_url = client.base_url.replace(META, cloud.url)
    client.v15_base_url = client.v15_base_url.replace(META, cloud.url)
    client.url = client.url.replace(META, cloud.url)
    return client


async def test_messages_of_every_kind_are_sent(cloud: Cloud, heyoo: WhatsApp) -> None:
    theirs = await cloud.write(ANA)

    def talk() -> list[Any]:
        return [
            heyoo.send_message("hello", USER),
            heyoo.reply_to_message(theirs, USER, "hello again"),
            heyoo.send_template("order", USER, components=[], lang="en_US"),
            heyoo.send_image("https://example.com/a.png", USER),
            heyoo.send_video("https://example.com/a.mp4", USER, caption="a film"),
            heyoo.send_audio("https://example.com/a.mp3", USER),
            heyoo.send_document("https://example.com/a.pdf", USER, filename="a.pdf"),
            heyoo.send_sticker("https://example.com/a.webp", USER),
            heyoo.send_location("41.4", "2.2", "Here", "1 Example Street", USER),
            heyoo.send_contacts(CONTACTS, USER),
            heyoo.send_button(LIST, USER),
            heyoo.send_reply_button(BUTTONS, USER),
            heyoo.send_reaction("👍", theirs, USER),
        ]

    answers = await asyncio.to_thread(talk)
    accepted = await cloud.sends()
    assert [each["messages"][0]["id"] for each in answers] == [each["wamid"] for each in accepted]
    assert [each["type"] for each in accepted] == [
        *("text", "text", "template", "image", "video", "audio", "document", "sticker"),
        *("location", "contacts", "interactive", "interactive", "reaction"),
    ]
    assert {each["contacts"][0]["wa_id"] for each in answers} == {USER}


async def test_a_message_is_marked_as_read_and_typing_is_shown(
    cloud: Cloud, heyoo: WhatsApp
) -> None:
    wamid = await cloud.write(ANA)
    assert await asyncio.to_thread(heyoo.mark_as_read, wamid) == {"success": True}
    typing = {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": wamid,
        "typing_indicator": {"type": "text"},
    }
    assert await asyncio.to_thread(heyoo.send_custom_json, typing) == {"success": True}
    assert await cloud.sends() == []


# heyoo leaves the file that it uploads to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
async def test_media_go_up_are_sent_by_id_come_down_and_are_deleted(
    cloud: Cloud, heyoo: WhatsApp, tmp_path: Path
) -> None:
    await cloud.write(ANA)
    picture = tmp_path / "a.png"
    picture.write_bytes(PICTURE)

    def talk() -> tuple[Any, ...]:
        media_id = heyoo.upload_media(str(picture))["id"]
        sent = heyoo.send_image(media_id, USER, link=False)
        url = heyoo.query_media_url(media_id)
        copy = heyoo.download_media(url, "image/png", str(tmp_path / "copy"))
        deleted = heyoo.delete_media(media_id)
        return sent, Path(copy).read_bytes(), deleted, heyoo.query_media_url(media_id)

    sent, content, deleted, gone = await asyncio.to_thread(talk)
    assert [each["wamid"] for each in await cloud.sends()] == [sent["messages"][0]["id"]]
    assert content == PICTURE
    assert (deleted, gone) == ({"success": True}, None)


async def test_every_error_is_handed_on_as_it_is(cloud: Cloud, heyoo: WhatsApp) -> None:
    """Source: ERR, 12 Dec 2025 (R§1.10, R§7.1-7.8)."""
    await cloud.arm_every_error()

    def talk() -> list[Any]:
        return [heyoo.send_message("hello", USER)["error"] for _ in ERROR_CODES]

    errors = await asyncio.to_thread(talk)
    assert [each["code"] for each in errors] == list(ERROR_CODES)
    assert all(each["message"] and each["type"] and each["fbtrace_id"] for each in errors)
    assert await cloud.sends() == []


async def test_a_broken_rule_is_told_with_its_details(cloud: Cloud, heyoo: WhatsApp) -> None:
    answer = await asyncio.to_thread(heyoo.send_message, "hello", BEN.removeprefix("+"))
    assert answer["error"]["code"] == 131047
    assert answer["error"]["error_data"]["details"]
    refused = await asyncio.to_thread(heyoo.mark_as_read, "wamid.unknown")
    assert refused.json()["error"]["code"] == 131009
    assert await cloud.sends() == []
