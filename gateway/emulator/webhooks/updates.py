"""Builds the values of Meta's webhooks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.emulator import identity
from gateway.emulator.errors import status_error
from gateway.emulator.registry import Number, Template

_THOUSAND = 1000


@dataclass(frozen=True, slots=True)
class Update:
    """One change on its way to the webhook; `time` is set on account and template fields only."""

    waba_id: str
    field: str
    value: dict[str, Any]
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """An accepted message, as its statuses speak of it."""

    wamid: str
    user: str
    by_bsuid: bool
    to_group: bool
    category: str
    callback_data: str | None
    type: str = "text"
    takes_slot: bool = False


def tier(limit: int | None) -> str:
    """Write a limit as Meta does: TIER_250, TIER_2K, TIER_UNLIMITED (R§2.3)."""
    if limit is None:
        return "TIER_UNLIMITED"
    if limit and limit % _THOUSAND == 0:
        return f"TIER_{limit // _THOUSAND}K"
    return f"TIER_{limit}"


def status(number: Number, sent: Sent, state: str, now: float) -> Update:
    """Build a sent, delivered or read status. Source: W-STAT, 14 Sep 2026 (R§8.4)."""
    entry = _status_entry(sent, state, now)
    if not sent.to_group:
        entry["recipient_user_id"] = _user_id(number, sent.user)
    if state == "sent":
        entry["pricing"] = _pricing(sent)
    value = _messaging_value(number)
    if not sent.to_group:
        value["contacts"] = [contact(number, sent.user, is_known=not sent.by_bsuid)]
    value["statuses"] = [entry]
    return Update(number.waba_id, "messages", value)


def failed(number: Number, sent: Sent, error: tuple[int, str], now: float) -> Update:
    """Build a failed status, which carries no contacts. Source: W-STAT, 14 Sep 2026 (R§8.4)."""
    entry = _status_entry(sent, "failed", now)
    if sent.by_bsuid:
        entry["recipient_user_id"] = _user_id(number, sent.user)
    entry["errors"] = [status_error(*error)]
    return Update(number.waba_id, "messages", _messaging_value(number) | {"statuses": [entry]})


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
    """Say what it costs: in-window messages are charged since 1 Oct 2026 (R§12.1 row 20)."""
    category = f"group_{sent.category}" if sent.to_group else sent.category
    return {"billable": True, "pricing_model": "PMP", "type": "regular", "category": category}


def inbound(number: Number, user: str, message: dict[str, Any], name: str) -> Update:
    """Build a user's message; `message` has id, timestamp, type and the object of that type.

    Source: BSUID, 15 Sep 2026 (R§8.5).
    """
    who = {"from": user, "from_user_id": _user_id(number, user)}
    value = _messaging_value(number)
    value["contacts"] = [contact(number, user, is_known=True, name=name)]
    value["messages"] = [who | message]
    return Update(number.waba_id, "messages", value)


def contact(
    number: Number, user: str, *, is_known: bool, name: str = "Example User"
) -> dict[str, Any]:
    """Describe a user; the phone is absent when the business does not know it (R§1.4)."""
    who: dict[str, Any] = {"profile": {"name": name}}
    if is_known:
        who["wa_id"] = user
    return who | {"user_id": _user_id(number, user)}


def user_preference(number: Number, user: str, value: str, now: float) -> Update:
    """Build a user's stop or resume of marketing. Source: W-PREF, 2026 (R§6.5)."""
    preference = {
        "wa_id": user,
        "user_id": _user_id(number, user),
        "detail": f"User requested to {value} marketing messages",
        "category": "marketing_messages",
        "value": value,
        "timestamp": int(now),
    }
    whole = _messaging_value(number)
    whole["contacts"] = [contact(number, user, is_known=True)]
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


def business_capability(waba_id: str, limit: int | None, now: float) -> Update:
    """Build a change of the portfolio's limit. Source: W-CAP, 21 May 2026 (R§6.3)."""
    value: dict[str, Any] = {"max_daily_conversations_per_business": tier(limit)}
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
    """Build a change of a template's status. Source: W-TPL, 13 Apr 2026 (R§6.4)."""
    value = {"event": event} | _template_names(template)
    value |= {"message_template_category": template.category, "reason": "NONE"}
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


def _template_names(template: Template) -> dict[str, Any]:
    return {
        "message_template_id": int(template.id) if template.id.isdecimal() else template.id,
        "message_template_name": template.name,
        "message_template_language": template.language,
    }


def _messaging_value(number: Number) -> dict[str, Any]:
    metadata = {"display_phone_number": number.digits, "phone_number_id": number.id}
    return {"messaging_product": "whatsapp", "metadata": metadata}


def _user_id(number: Number, user: str) -> str:
    return identity.bsuid_of(user, number.scope) if user.isdecimal() else user
