"""A webhook delivery, read change by change into events."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from gateway.whatsapp import webhook_account, webhook_messages, webhook_templates
from gateway.whatsapp.events import Event, UnknownField
from gateway.whatsapp.ids import WabaId
from gateway.whatsapp.json_fields import BrokenPayloadError, Fields, instant, text
from gateway.whatsapp.webhook_change import Change

_LONGEST_FIELD_NAME: Final = 64

_READERS: Final[dict[str, Callable[[Change], None]]] = {
    "messages": webhook_messages.read_messages,
    "calls": webhook_messages.read_calls,
    "user_preferences": webhook_messages.read_preferences,
    "account_update": webhook_account.read_account_update,
    "business_capability_update": webhook_account.read_capability,
    "phone_number_quality_update": webhook_account.read_quality,
    "message_template_status_update": webhook_templates.read_status,
    "message_template_quality_update": webhook_templates.read_quality,
    "template_category_update": webhook_templates.read_category,
    "template_correct_category_detection": webhook_templates.read_detected_category,
}


class UnreadableDelivery(ValueError):  # noqa: N818 - the name says all that "Error" would
    """The body is not JSON."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The events in Meta's order, and a sentence for each part that could not be read."""

    events: tuple[Event, ...]
    problems: tuple[str, ...]


def read(body: bytes, received_at: datetime) -> Delivery:
    """Read one delivery; a broken part costs one sentence and spoils no other part.

    `received_at` is aware UTC and dates what carries no hour of its own. Raises UnreadableDelivery
    if `body` is not JSON. Source: W-OVR, 26 Jun 2026 (R§8.1, R§8.3).
    """
    try:
        delivery = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UnreadableDelivery("The webhook body is not valid JSON.") from None
    events: list[Event] = []
    problems: list[str] = []
    entries = delivery.get("entry") if isinstance(delivery, dict) else None
    if not isinstance(entries, list):
        return Delivery((), ("The webhook body has no list of entries.",))
    for position, entry in enumerate(entries):
        where = f"entry[{position}]"
        changes = entry.get("changes") if isinstance(entry, dict) else None
        if not isinstance(changes, list):
            problems.append(f"{where} has no list of changes.")
            continue
        at = instant(entry, "time") or received_at
        waba_id = WabaId(text(entry, "id") or "")
        for number, raw in enumerate(changes):
            place = f"{where}.changes[{number}]"
            _read_change(raw, Change(waba_id, at, place, {}, events, problems))
    return Delivery(tuple(events), tuple(problems))


def _read_change(raw: Any, change: Change) -> None:
    field = text(raw, "field") if isinstance(raw, dict) else None
    if field is None:
        change.problems.append(f"{change.where} names no field.")
        return
    reader = _READERS.get(field)
    if reader is None:
        change.events.append(UnknownField(change.waba_id, field[:_LONGEST_FIELD_NAME]))
        return
    named = f"{change.where} ({field})"
    value: Fields | None = raw["value"] if isinstance(raw.get("value"), dict) else None
    if value is None:
        change.problems.append(f"{named} has no value object.")
        return
    try:
        reader(change.named(named, value))
    except BrokenPayloadError as error:
        change.problems.append(f"{named} {error}.")
