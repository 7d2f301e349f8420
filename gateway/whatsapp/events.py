"""What a webhook delivery can tell the gateway, one frozen class an event.

`at` is always aware UTC: the hour of the message or status itself, else that of the entry, else the
hour of arrival.
"""

from dataclasses import dataclass
from datetime import datetime

from gateway.whatsapp.ids import PhoneNumberId, WabaId, Wamid
from gateway.whatsapp.meta_enum import MetaEnum
from gateway.whatsapp.restriction import RestrictionType
from gateway.whatsapp.template import (
    TemplateCategory,
    TemplateKey,
    TemplateQuality,
    TemplateStatus,
)


class DeliveryStatus(MetaEnum):
    """`statuses[].status`. Source: W-STAT, 14 Sep 2026 (R§8.4)."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"
    UNKNOWN = "unknown"


class QualityEvent(MetaEnum):
    """`event` of `phone_number_quality_update`, historic ones too. Source: W-PNQ (R§6.3)."""

    FLAGGED = "FLAGGED"
    UNFLAGGED = "UNFLAGGED"
    UPGRADE = "UPGRADE"
    DOWNGRADE = "DOWNGRADE"
    ONBOARDING = "ONBOARDING"
    THROUGHPUT_UPGRADE = "THROUGHPUT_UPGRADE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class UserRef:
    """One user by phone (`wa_id` digits), by BSUID, or by both; either may be hidden (R§1.4)."""

    wa_id: str | None
    bsuid: str | None


@dataclass(frozen=True, slots=True)
class StatusError:
    """Why a message failed: Meta's code, its title, and a sentence that may be empty."""

    code: int
    title: str
    details: str


@dataclass(frozen=True, slots=True)
class Restriction:
    """One ban; `until` None means that Meta named no end. `raw_type` is Meta's own word."""

    type: RestrictionType
    raw_type: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A user wrote. `opens_window` per R§8.5; `group_id` when it was written in a group."""

    waba_id: WabaId
    phone_number_id: PhoneNumberId
    user: UserRef
    wamid: Wamid
    at: datetime
    type: str
    opens_window: bool
    media_id: str | None
    group_id: str | None = None


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """What became of a sent message. In a group, `user` is the participant it speaks of."""

    waba_id: WabaId
    phone_number_id: PhoneNumberId
    wamid: Wamid
    user: UserRef
    status: DeliveryStatus
    at: datetime
    callback_data: str | None
    errors: tuple[StatusError, ...]
    category: str | None


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """A user has another phone number or another BSUID now."""

    waba_id: WabaId
    phone_number_id: PhoneNumberId
    previous: UserRef
    current: UserRef
    at: datetime


@dataclass(frozen=True, slots=True)
class CallEvent:
    """A user called, or took the business's call: either opens the service window (R§3)."""

    waba_id: WabaId
    phone_number_id: PhoneNumberId
    user: UserRef
    at: datetime


@dataclass(frozen=True, slots=True)
class QualityUpdate:
    """A number was flagged or promoted; `display_phone_number` as digits, as Meta gives no id."""

    waba_id: WabaId
    display_phone_number: str
    event: QualityEvent
    current_limit: int | None
    business_limit: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class AccountRestriction:
    """Meta restricted the account; obey as a hard stop."""

    waba_id: WabaId
    restrictions: tuple[Restriction, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class AccountUpdate:
    """Any other `account_update`, `event` in Meta's own word (R§6.2)."""

    waba_id: WabaId
    event: str
    ban_state: str | None
    violation_type: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class CapabilityUpdate:
    """The messaging limits in force; None where Meta did not say (R§2.3)."""

    waba_id: WabaId
    business_limit: int | None
    phone_limit: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class TemplateStatusUpdate:
    """A template's status changed.

    `status` is UNKNOWN when the event says nothing about whether the template may be sent (FLAGGED,
    LOCKED, a new word): the status known before still holds. `raw_event` is Meta's own word,
    `title` says what kind of pause it is (FIRST_PAUSE, …).
    """

    waba_id: WabaId
    template_id: str
    key: TemplateKey
    status: TemplateStatus
    raw_event: str
    title: str | None
    category: TemplateCategory | None
    at: datetime


@dataclass(frozen=True, slots=True)
class TemplateQualityUpdate:
    """A template's rating changed."""

    waba_id: WabaId
    template_id: str
    key: TemplateKey
    previous: TemplateQuality
    current: TemplateQuality
    at: datetime


@dataclass(frozen=True, slots=True)
class TemplateCategoryUpdate:
    """`category` is in force now; `correct_category` is what Meta will or would have it be."""

    waba_id: WabaId
    template_id: str
    key: TemplateKey
    category: TemplateCategory
    correct_category: TemplateCategory | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PreferenceUpdate:
    """A user stopped, resumed or signed up for marketing; `value` in Meta's word (R§6.5)."""

    waba_id: WabaId
    phone_number_id: PhoneNumberId
    user: UserRef
    category: str
    value: str
    at: datetime


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field, or a part of one (`messages.errors`), that is not governed here; harmless."""

    waba_id: WabaId
    field: str


Event = (
    InboundMessage
    | StatusUpdate
    | IdentityChange
    | CallEvent
    | QualityUpdate
    | AccountRestriction
    | AccountUpdate
    | CapabilityUpdate
    | TemplateStatusUpdate
    | TemplateQualityUpdate
    | TemplateCategoryUpdate
    | PreferenceUpdate
    | UnknownField
)
