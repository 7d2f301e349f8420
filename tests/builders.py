"""Builds what apps send, what Meta tells, and the people they write to."""

import itertools
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from gateway.cli import demo
from gateway.whatsapp.signature import sign


def users(start: int = 1) -> Iterator[str]:
    """Yield made-up phone numbers for ever, each another user: +34600000001, +34600000002, …."""
    return (f"+346{number:08d}" for number in itertools.count(start))


def template_body(
    to: str, name: str = "order_update", *, language: str = demo.LANGUAGE, **more: Any
) -> dict[str, Any]:
    """Build a template message; `more` are further fields of the envelope."""
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "template",
        "template": {"name": name, "language": {"code": language}},
    } | more


def code_body(to: str, code: str) -> dict[str, Any]:
    """Build an authentication template with a one-time password."""
    parameters = [{"type": "text", "text": code}]
    body = template_body(to, "login_code")
    body["template"]["components"] = [{"type": "body", "parameters": parameters}]
    return body


def text_body(to: str, text: str = "hello", **more: Any) -> dict[str, Any]:
    """Build a free-form message; `more` are further fields of the envelope."""
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "text",
        "text": {"body": text},
    } | more


def read_receipt(wamid: str, *, typing: bool = False) -> dict[str, Any]:
    """Build a read receipt, with a typing indicator if asked."""
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": wamid,
    }
    return body | ({"typing_indicator": {"type": "text"}} if typing else {})


def envelope(
    field: str, value: dict[str, Any], *, waba_id: str = "100000000000001", time: int | None = None
) -> bytes:
    """Build the bytes of a delivery with one change; `time` in unix seconds."""
    entry: dict[str, Any] = {"id": waba_id, "changes": [{"field": field, "value": value}]}
    if time is not None:
        entry["time"] = time
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def signature(secret: str, body: bytes) -> dict[str, str]:
    """Build the header with which Meta signs a delivery."""
    return {"X-Hub-Signature-256": sign(secret, body)}


def status_value(
    number: demo.DemoNumber, sighting: dict[str, Any], status: str, at: datetime
) -> dict[str, Any]:
    """Build the value of a status of a message that the emulator saw; failed ones with 131026."""
    entry: dict[str, Any] = {
        "id": sighting["wamid"],
        "status": status,
        "timestamp": str(int(at.timestamp())),
        "recipient_id": sighting["user"],
    }
    if sighting["biz_opaque_callback_data"] is not None:
        entry["biz_opaque_callback_data"] = sighting["biz_opaque_callback_data"]
    if status == "failed":
        entry["errors"] = [{"code": 131026, "title": "Message undeliverable"}]
    return messaging_value(number) | {"statuses": [entry]}


def messaging_value(number: demo.DemoNumber) -> dict[str, Any]:
    """Build what every value of the field `messages` has."""
    return {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": "".join(filter(str.isdigit, number.display_phone_number)),
            "phone_number_id": number.phone_number_id,
        },
    }
