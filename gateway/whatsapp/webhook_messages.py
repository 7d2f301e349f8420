"""Webhook fields about single users: messages, their statuses, calls and preferences."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from gateway.whatsapp.events import (
    CallEvent,
    DeliveryStatus,
    Event,
    IdentityChange,
    InboundMessage,
    PreferenceUpdate,
    StatusError,
    StatusUpdate,
    UnknownField,
    UserRef,
)
from gateway.whatsapp.ids import Wamid
from gateway.whatsapp.json_fields import (
    BrokenPayloadError,
    Fields,
    instant,
    nested,
    objects,
    required_text,
    text,
    whole,
)
from gateway.whatsapp.recipient import is_bsuid
from gateway.whatsapp.webhook_change import Change

# Reactions, system notes, edits and what Meta cannot show are left out: whether they open the
# window is undocumented. Source: SEND, 21 May 2026, read with care (R§8.5, R§12.1 row 16).
_OPENS_WINDOW: Final = frozenset(
    {
        "text", "image", "video", "audio", "document", "sticker",
        "location", "contacts", "interactive", "button", "order",
    }
)  # fmt: skip
_MEDIA: Final = frozenset({"image", "video", "audio", "document", "sticker", "voice"})
_IDENTITY_CHANGES: Final = frozenset(
    {"user_changed_number", "user_changed_user_id", "customer_changed_number"}
)


def read_messages(change: Change) -> None:
    """Read field `messages`: inbound messages and statuses of outbound ones. Source: R§8.3-8.5."""
    phone_number_id = change.phone_number_id
    people = objects(change.value, "contacts")

    def message(fields: Fields) -> Event:
        return _message(fields, people, change)

    def status(fields: Fields) -> Event:
        return StatusUpdate(
            waba_id=change.waba_id,
            phone_number_id=phone_number_id,
            wamid=Wamid(required_text(fields, "id")),
            user=_status_user(fields),
            status=DeliveryStatus.of(required_text(fields, "status")),
            at=_at(fields, change),
            callback_data=text(fields, "biz_opaque_callback_data"),
            errors=_errors(fields),
            category=text(nested(fields, "pricing"), "category"),
        )

    read = change.each("messages", message) + change.each("statuses", status)
    for key in ("errors", "user_actions"):
        if change.value.get(key):
            change.ungoverned(f"messages.{key}")
            read += 1
    if not read:
        raise BrokenPayloadError("has neither messages nor statuses")


def _message(fields: Fields, people: Sequence[Fields], change: Change) -> Event:
    kind = required_text(fields, "type")
    system = nested(fields, "system")
    if kind == "system" and text(system, "type") in _IDENTITY_CHANGES:
        return _identity_change(fields, system, change)
    user = _known(_user(text(fields, "from"), text(fields, "from_user_id"), people))
    return InboundMessage(
        waba_id=change.waba_id,
        phone_number_id=change.phone_number_id,
        user=user,
        wamid=Wamid(required_text(fields, "id")),
        at=_at(fields, change),
        type=kind,
        opens_window=kind in _OPENS_WINDOW,
        media_id=text(nested(fields, kind), "id") if kind in _MEDIA else None,
        group_id=text(fields, "group_id"),
    )


def _identity_change(fields: Fields, system: Fields, change: Change) -> IdentityChange:
    # Before 2022 the new number was called new_wa_id and the old one customer.
    previous = _user(
        text(fields, "from") or text(system, "customer"),
        text(system, "previous_user_id") or text(fields, "from_user_id"),
    )
    current = _user(
        text(system, "wa_id") or text(system, "new_wa_id"),
        text(system, "user_id"),
    )
    return IdentityChange(
        waba_id=change.waba_id,
        phone_number_id=change.phone_number_id,
        previous=_known(previous),
        current=_known(current),
        at=_at(fields, change),
    )


def read_calls(change: Change) -> None:
    """Read field `calls`: a user called, or took our call. Source: CALL, 11 Dec 2025 (R§3)."""
    phone_number_id = change.phone_number_id
    people = objects(change.value, "contacts")

    def call(fields: Fields) -> Event:
        event = required_text(fields, "event")
        if event != "connect" or text(fields, "direction") != "USER_INITIATED":
            return UnknownField(change.waba_id, "calls")
        user = _known(_user(text(fields, "from"), text(fields, "from_user_id"), people))
        return CallEvent(change.waba_id, phone_number_id, user, _at(fields, change))

    def status(fields: Fields) -> Event:
        if required_text(fields, "status").upper() != "ACCEPTED":
            return UnknownField(change.waba_id, "calls")
        user = _known(_status_user(fields))
        return CallEvent(change.waba_id, phone_number_id, user, _at(fields, change))

    if not change.each("calls", call) + change.each("statuses", status):
        change.ungoverned("calls")


def read_preferences(change: Change) -> None:
    """Read field `user_preferences`: marketing stopped or resumed. Source: W-PREF (R§6.5)."""
    phone_number_id = change.phone_number_id
    people = objects(change.value, "contacts")

    def preference(fields: Fields) -> Event:
        return PreferenceUpdate(
            waba_id=change.waba_id,
            phone_number_id=phone_number_id,
            user=_known(_user(text(fields, "wa_id"), text(fields, "user_id"), people)),
            category=required_text(fields, "category"),
            value=required_text(fields, "value"),
            at=_at(fields, change),
        )

    if not change.each("user_preferences", preference):
        raise BrokenPayloadError("has no user_preferences")


def _at(fields: Fields, change: Change) -> datetime:
    return instant(fields, "timestamp") or change.at


def _user(wa_id: str | None, bsuid: str | None, people: Sequence[Fields] = ()) -> UserRef:
    """Name a user, completed from the contact that is surely the same person."""
    if wa_id and is_bsuid(wa_id):
        wa_id, bsuid = None, bsuid or wa_id
    wa_id = wa_id.removeprefix("+") if wa_id else None
    for person in people:
        phone, scoped = text(person, "wa_id"), text(person, "user_id")
        same = (wa_id and phone == wa_id) or (bsuid and scoped == bsuid)
        if same or (len(people) == 1 and not wa_id and not bsuid):
            return UserRef(wa_id or phone, bsuid or scoped)
    return UserRef(wa_id, bsuid)


def _known(user: UserRef) -> UserRef:
    if user.wa_id is None and user.bsuid is None:
        raise BrokenPayloadError("names no user")
    return user


def _status_user(fields: Fields) -> UserRef:
    if text(fields, "recipient_type") == "group":
        return _user(
            text(fields, "recipient_participant_id"),
            text(fields, "recipient_participant_user_id"),
        )
    return _user(text(fields, "recipient_id"), text(fields, "recipient_user_id"))


def _errors(fields: Fields) -> tuple[StatusError, ...]:
    return tuple(
        StatusError(
            code=whole(error, "code") or 0,
            title=text(error, "title") or text(error, "message") or "",
            details=text(nested(error, "error_data"), "details") or text(error, "details") or "",
        )
        for error in objects(fields, "errors")
    )
