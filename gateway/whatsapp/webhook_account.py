"""Webhook fields about a whole account or number: restrictions, limits and quality."""

from gateway.whatsapp.events import (
    AccountRestriction,
    AccountUpdate,
    CapabilityUpdate,
    QualityEvent,
    QualityUpdate,
    Restriction,
)
from gateway.whatsapp.ids import WabaId
from gateway.whatsapp.json_fields import Fields, instant, nested, objects, required_text, text
from gateway.whatsapp.number import parse_limit
from gateway.whatsapp.restriction import RestrictionType
from gateway.whatsapp.webhook_change import Change


def read_account_update(change: Change) -> None:
    """Read field `account_update`. Source: W-ACC, 21 May 2026; DIRECT, 2026 (R§6.2, R§1.8).

    A restriction that names its violation gives two events. Direct Send's warnings and lifted bans
    are an ACCOUNT_RESTRICTION that restricts nothing: they give an AccountUpdate alone.
    """
    value = change.value
    event = required_text(value, "event")
    violation_type = text(nested(value, "violation_info"), "violation_type")
    # For PARTNER_* events the entry's own id may be the portfolio's.
    waba_id = WabaId(text(nested(value, "waba_info"), "waba_id") or change.waba_id)
    restrictions: tuple[Restriction, ...] = ()
    if event == "ACCOUNT_RESTRICTION":
        restrictions = tuple(_restriction(item) for item in objects(value, "restriction_info"))
    if restrictions:
        change.events.append(AccountRestriction(waba_id, restrictions, change.at))
    if not restrictions or violation_type:
        ban_state = text(nested(value, "ban_info"), "waba_ban_state")
        change.events.append(AccountUpdate(waba_id, event, ban_state, violation_type, change.at))


def _restriction(fields: Fields) -> Restriction:
    raw_type = text(fields, "restriction_type") or ""
    return Restriction(RestrictionType.of(raw_type), raw_type, instant(fields, "expiration"))


def read_capability(change: Change) -> None:
    """Read field `business_capability_update`. Source: W-CAP, 21 May 2026 (R§2.3)."""
    value = change.value
    change.events.append(
        CapabilityUpdate(
            waba_id=change.waba_id,
            business_limit=parse_limit(value.get("max_daily_conversations_per_business")),
            phone_limit=parse_limit(value.get("max_daily_conversation_per_phone")),
            at=change.at,
        )
    )


def read_quality(change: Change) -> None:
    """Read field `phone_number_quality_update`. Source: W-PNQ, 11 Sep 2026 (R§6.3)."""
    value = change.value
    shown = required_text(value, "display_phone_number")
    digits = "".join(filter(str.isdigit, shown))
    change.events.append(
        QualityUpdate(
            waba_id=change.waba_id,
            display_phone_number=digits or shown,
            event=QualityEvent.of(required_text(value, "event")),
            current_limit=parse_limit(value.get("current_limit")),
            business_limit=parse_limit(value.get("max_daily_conversations_per_business")),
            at=change.at,
        )
    )
