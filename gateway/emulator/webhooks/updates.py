"""Builds the values of Meta's webhooks."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, assert_never

from gateway.emulator import identity
from gateway.emulator.errors import status_error
from gateway.emulator.knobs import CapabilityFormat
from gateway.emulator.life.people import Person
from gateway.emulator.registry import Number, Template

_THOUSAND = 1000
_FREE_ENTRY_POINT = "free_entry_point"


@dataclass(frozen=True, slots=True)
class Update:
    """One change on its way to the webhook; `time` is set on account and template fields only."""

    waba_id: str
    field: str
    value: dict[str, Any]
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """An accepted message, as its statuses speak of it.

    `takes_slot` is one that uses the messaging limit, `is_reply` one inside an open service window.
    `name` is the recipient's. `pricing_type` is Meta's; the free entry point lasts until
    `free_until`.
    """

    wamid: str
    user: str
    by_bsuid: bool
    to_group: bool
    category: str
    callback_data: str | None
    type: str = "text"
    takes_slot: bool = False
    is_reply: bool = False
    template: Template | None = None
    payload: Any = None
    name: str = "Example User"
    pricing_type: str = "regular"
    free_until: float | None = None


def tier(limit: int | None) -> str:
    """Write a limit as Meta does: TIER_250, TIER_2K, TIER_UNLIMITED (R§2.3)."""
    if limit is None:
        return "TIER_UNLIMITED"
    if limit and limit % _THOUSAND == 0:
        return f"TIER_{limit // _THOUSAND}K"
    return f"TIER_{limit}"


def status(
    number: Number, sent: Sent, state: str, now: float, participant: str | None = None
) -> Update:
    """Build a sent, delivered, read or played status; in a group, that of one `participant`.

    Pricing is on the first of them and the conversation only on those of a free entry point, as in
    v24. Source: W-STAT, 14 Sep 2026 (R§8.4).
    """
    entry = _status_entry(sent, state, now)
    value = _messaging_value(number)
    user, is_known = sent.user, not sent.by_bsuid
    if participant is not None:
        user, is_known = participant, True
        entry["recipient_participant_id"] = user
        entry["recipient_participant_user_id"] = user_id_of(number, user)
    elif not sent.to_group:
        entry["recipient_user_id"] = user_id_of(number, user)
    if participant is not None or not sent.to_group:
        value["contacts"] = [_contact(number, user, sent.name, is_known=is_known)]
    if sent.free_until is not None:
        entry["conversation"] = _conversation(number, sent, state, sent.free_until)
    if state == "sent":
        entry["pricing"] = _pricing(sent)
    value["statuses"] = [entry]
    return Update(number.waba_id, "messages", value)


def failed(
    number: Number, sent: Sent, error: tuple[int, str], now: float, *, has_contacts: bool = False
) -> Update:
    """Build a failed status, which as documented carries no contacts.

    Source: W-STAT, 14 Sep 2026 (R§8.3, R§8.4).
    """
    entry = _status_entry(sent, "failed", now)
    if sent.by_bsuid:
        entry["recipient_user_id"] = user_id_of(number, sent.user)
    entry["errors"] = [status_error(*error)]
    value = _messaging_value(number)
    if has_contacts:
        is_known = not sent.by_bsuid
        value["contacts"] = [_contact(number, sent.user, sent.name, is_known=is_known)]
    return Update(number.waba_id, "messages", value | {"statuses": [entry]})


def _status_entry(sent: Sent, state: str, now: float) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": sent.wamid, "status": state, "timestamp": str(int(now))}
    if not sent.by_bsuid:
        entry["recipient_id"] = sent.user
    if sent.to_group:
        entry["recipient_type"] = "group"
    if sent.callback_data is not None:
        entry["biz_opaque_callback_data"] = sent.callback_data
    return entry


def _pricing(sent: Sent) -> dict[str, Any]:
    category = f"group_{sent.category}" if sent.to_group else sent.category
    if sent.pricing_type == _FREE_ENTRY_POINT:
        category = "referral_conversion"
    return {
        "billable": sent.pricing_type == "regular",
        "pricing_model": "PMP",
        "type": sent.pricing_type,
        "category": category,
    }


def _conversation(number: Number, sent: Sent, state: str, until: float) -> dict[str, Any]:
    name = f"{number.id}:{sent.user}:{until}".encode()
    conversation: dict[str, Any] = {"id": hashlib.blake2b(name, digest_size=16).hexdigest()}
    if state == "sent":
        conversation["expiration_timestamp"] = str(int(until))
    return conversation | {"origin": {"type": "referral_conversion"}}


def inbound(number: Number, person: Person, message: dict[str, Any]) -> Update:
    """Build a user's message; `message` has id, timestamp, type and the object of that type.

    Of somebody with a username only, the phone is absent. Source: BSUID, 15 Sep 2026 (R§8.5).
    """
    value = _messaging_value(number)
    value["contacts"] = [contact(number, person)]
    value["messages"] = [_from(number, person) | message]
    return Update(number.waba_id, "messages", value)


def system(number: Number, message: dict[str, Any]) -> Update:
    """Build what WhatsApp itself tells of a user; it carries no contacts (R§8.3, R§8.5)."""
    return Update(number.waba_id, "messages", _messaging_value(number) | {"messages": [message]})


def call(number: Number, person: Person, event: dict[str, Any]) -> Update:
    """Build an event of a user's call. Source: CALL, 13 Nov 2025 (R§8.6)."""
    value = _messaging_value(number) | {"contacts": [contact(number, person)]}
    value["calls"] = [_from(number, person) | event]
    return Update(number.waba_id, "calls", value)


def system_error(number: Number, code: int, details: str, _now: float) -> Update:
    """Build an error about a number as a whole, beside any message (R§8.3, R§8.4).

    It bears no time of its own.
    """
    value = _messaging_value(number) | {"errors": [status_error(code, details)]}
    return Update(number.waba_id, "messages", value)


def contact(number: Number, person: Person) -> dict[str, Any]:
    """Describe a user; the phone is absent when the business does not know it (R§1.4)."""
    return _contact(number, person.phone, person.name, is_known=_shows_phone(person))


def _shows_phone(person: Person) -> bool:
    return person.phone.isdecimal() and not person.username_only


def _from(number: Number, person: Person) -> dict[str, Any]:
    who = {"from_user_id": user_id_of(number, person.phone)}
    return {"from": person.phone} | who if _shows_phone(person) else who


def _contact(number: Number, user: str, name: str, *, is_known: bool) -> dict[str, Any]:
    who: dict[str, Any] = {"profile": {"name": name}}
    if is_known:
        who["wa_id"] = user
    who["user_id"] = user_id_of(number, user)
    return who


def user_preference(number: Number, person: Person, value: str, now: float) -> Update:
    """Build a user's stop or resume of marketing. Source: W-PREF, 2026 (R§6.5)."""
    preference = {
        "wa_id": person.phone,
        "user_id": user_id_of(number, person.phone),
        "detail": f"User requested to {value} marketing messages",
        "category": "marketing_messages",
        "value": value,
        "timestamp": int(now),
    }
    if not _shows_phone(person):
        del preference["wa_id"]
    whole = _messaging_value(number)
    whole["contacts"] = [contact(number, person)]
    whole["user_preferences"] = [preference]
    return Update(number.waba_id, "user_preferences", whole)


def account_restrictions(
    waba_id: str, kinds: Sequence[str], expiration: float, now: float
) -> Update:
    """Build an ACCOUNT_RESTRICTION. Source: W-ACC, 21 May 2026 (R§6.2)."""
    info = [{"restriction_type": kind, "expiration": int(expiration)} for kind in kinds]
    value = {"event": "ACCOUNT_RESTRICTION", "restriction_info": info}
    return Update(waba_id, "account_update", value, int(now))


def account_violation(waba_id: str, kind: str, now: float) -> Update:
    """Build an ACCOUNT_VIOLATION, which is a warning. Source: W-ACC, 21 May 2026 (R§6.2)."""
    value = {"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": kind}}
    return Update(waba_id, "account_update", value, int(now))


def account_disabled(waba_id: str, now: float) -> Update:
    """Build a DISABLED_UPDATE; its date is meant for people. Source: W-ACC, 21 May 2026 (R§6.2)."""
    day = datetime.fromtimestamp(now, UTC)
    info = {"waba_ban_state": "DISABLE", "waba_ban_date": f"{day:%B} {day.day}, {day.year}"}
    value = {"event": "DISABLED_UPDATE", "ban_info": info}
    return Update(waba_id, "account_update", value, int(now))


def business_capability(
    waba_id: str, limit: int | None, now: float, form: CapabilityFormat = "tier"
) -> Update:
    """Build a change of the portfolio's limit, in one of the forms in which Meta has written it.

    Source: W-CAP, 21 May 2026 (R§2.3, R§6.3, R§12.1 row 4).
    """
    value: dict[str, Any]
    match form:
        case "tier":
            value = {"max_daily_conversations_per_business": tier(limit)}
        case "integer":
            number = "UNLIMITED" if limit is None else limit
            value = {"max_daily_conversations_per_business": number}
        case "per_phone":
            value = {"max_daily_conversation_per_phone": -1 if limit is None else limit}
        case _:
            assert_never(form)
    if limit == 250:  # noqa: PLR2004 - the one level at which Meta names the portfolio's cap
        value["max_phone_numbers_per_business"] = 2
    else:
        value["max_phone_numbers_per_waba"] = 25
    return Update(waba_id, "business_capability_update", value, int(now))


def number_quality(
    number: Number, event: str, limits: tuple[int | None, int | None], now: float
) -> Update:
    """Build FLAGGED, UNFLAGGED, UPGRADE, DOWNGRADE or THROUGHPUT_UPGRADE.

    `limits` are the old and the current one; the old one is named when they differ.
    Source: W-PNQ, 21 May 2026, historic events by PYWA (R§6.3).
    """
    old, current = limits
    value: dict[str, Any] = {
        "display_phone_number": number.digits,
        "event": event,
        "current_limit": tier(current),
    }
    if old != current:
        value["old_limit"] = tier(old)
    if number.regime == "portfolio":
        value["max_daily_conversations_per_business"] = tier(current)
    return Update(number.waba_id, "phone_number_quality_update", value, int(now))


def template_status(template: Template, event: str, title: str | None, now: float) -> Update:
    """Build a change of a template's status. Source: W-TPL, 13 Apr 2026 (R§6.4).

    `title` is FIRST_PAUSE, SECOND_PAUSE, RATE_LIMITING_PAUSE or UNPAUSE; that of a DISABLED
    template is DISABLED.
    """
    value = {"event": event} | _template_names(template)
    value |= {"message_template_category": template.category, "reason": "NONE"}
    if event == "DISABLED":
        title = "DISABLED"
        value["disable_info"] = {"disable_date": int(now)}
    if title is not None:
        value["other_info"] = {"title": title, "description": f"The template is now {event}."}
    return Update(template.waba_id, "message_template_status_update", value, int(now))


def template_quality(template: Template, old: str, now: float) -> Update:
    """Build a change of a template's quality. Source: W-TPQ (R§6.4)."""
    value = {"previous_quality_score": old, "new_quality_score": template.quality}
    value |= _template_names(template)
    return Update(template.waba_id, "message_template_quality_update", value, int(now))


def template_category(template: Template, old: str, now: float) -> Update:
    """Build a change of category that has happened. Source: W-TPC (R§6.4)."""
    value = _template_names(template)
    value |= {"previous_category": old, "new_category": template.category}
    return Update(template.waba_id, "template_category_update", value, int(now))


def template_category_impending(template: Template, correct: str, due: float, now: float) -> Update:
    """Build a change of category that is to happen; `new_category` is the one it still has.

    Source: W-TPC (R§6.4).
    """
    value = _template_names(template)
    value |= {"new_category": template.category, "correct_category": correct}
    value["category_update_timestamp"] = int(due)
    return Update(template.waba_id, "template_category_update", value, int(now))


def _template_names(template: Template) -> dict[str, Any]:
    return {
        "message_template_id": int(template.id) if template.id.isdecimal() else template.id,
        "message_template_name": template.name,
        "message_template_language": template.language,
    }


def _messaging_value(number: Number) -> dict[str, Any]:
    metadata = {"display_phone_number": number.digits, "phone_number_id": number.id}
    return {"messaging_product": "whatsapp", "metadata": metadata}


def user_id_of(number: Number, user: str) -> str:
    """Give a user's business-scoped id, if the user is known by a phone (R§1.4)."""
    return identity.bsuid_of(user, number.scope) if user.isdecimal() else user
