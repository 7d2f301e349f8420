"""Builds the object of each type of message that a user may write."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

MEDIA = frozenset({"image", "video", "audio", "document", "sticker"})
_MIME_TYPES = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "audio": "audio/ogg; codecs=opus",
    "document": "application/pdf",
    "sticker": "image/webp",
}
_ITEM = {"product_retailer_id": "MADE-UP-1", "quantity": 1, "item_price": 30, "currency": "EUR"}
# What an ad says of itself when the user's message says nothing about it.
REFERRAL = {
    "source_url": "https://fb.me/made-up",
    "source_id": "800000000000008",
    "source_type": "ad",
    "headline": "Chat with us",
    "body": "Made-up offers of the week",
    "media_type": "image",
    "image_url": "https://example.com/made-up.jpg",
    "ctwa_clid": "made-up-click",
}


@dataclass(frozen=True, slots=True)
class Written:
    """What a user writes, apart from who and when.

    `text` is the body, caption, button title, emoji or whatever is the heart of its type; `content`
    replaces the whole object of the type. `reply_to` is the wamid that is answered, reacted to,
    edited or revoked. `referral` is the ad that led here; an empty one is filled in. `errors` are
    codes with their details. A message of a `group_id` is for all of a group.
    """

    type: str = "text"
    text: str = "hello"
    reply_to: str | None = None
    content: Any = None
    referral: dict[str, Any] | None = None
    errors: tuple[tuple[int, str], ...] = ()
    group_id: str | None = None


def mime_type_of(kind: str) -> str:
    """Give the MIME type that files of a type have here."""
    return _MIME_TYPES[kind]


def media(kind: str, text: str, media_id: str, content: bytes) -> dict[str, Any]:
    """Build the object of a file. Source: MEDIA, 16 Jun 2026 (R§8.5).

    Its `url` is left out, since the emulator does not know by which address it is reached.
    """
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    file: dict[str, Any] = {"id": media_id, "mime_type": _MIME_TYPES[kind], "sha256": digest}
    match kind:
        case "audio":
            file["voice"] = True
        case "sticker":
            file["animated"] = False
        case "document":
            file |= {"caption": text, "filename": "made-up.pdf"}
        case _:
            file["caption"] = text
    return file


def of_type(kind: str, text: str, target: str) -> Any:
    """Build the object of any other type; `target` is the wamid a reaction or the like is about.

    ValueError for a type that nobody can write. Source: R§8.5.
    """
    edited = {"context": {"id": target}, "type": "text", "text": {"body": text}}
    objects: dict[str, Any] = {
        "text": {"body": text},
        "button": {"payload": text, "text": text},
        "interactive": {"type": "button_reply", "button_reply": {"id": text, "title": text}},
        "reaction": {"message_id": target} | ({"emoji": text} if text else {}),
        "location": {"latitude": 40.4, "longitude": -3.7, "name": text, "address": "Made-up Road"},
        "contacts": [_shared_contact(text)],
        "order": {"catalog_id": "900000000000009", "text": text, "product_items": [_ITEM]},
        "edit": {"original_message_id": target, "message": edited},
        "revoke": {"original_message_id": target},
        "unsupported": {"type": "unknown"},
    }
    if kind not in objects:
        raise ValueError(f"type: {kind!r} cannot be written without its content")
    return objects[kind]


def _shared_contact(name: str) -> dict[str, Any]:
    phone = {"phone": "+34 600 000 099", "wa_id": "34600000099", "type": "CELL"}
    return {"name": {"formatted_name": name, "first_name": name}, "phones": [phone]}
