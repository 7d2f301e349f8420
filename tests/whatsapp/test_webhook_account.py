from datetime import UTC, datetime

import pytest

from gateway.whatsapp.events import (
    AccountRestriction,
    AccountUpdate,
    CapabilityUpdate,
    Event,
    QualityEvent,
    QualityUpdate,
    Restriction,
)
from gateway.whatsapp.ids import WabaId
from gateway.whatsapp.number import UNLIMITED
from gateway.whatsapp.restriction import RestrictionType
from gateway.whatsapp.webhook import Delivery, read
from gateway.whatsapp.webhook_account import read_account_update, read_quality
from gateway.whatsapp.webhook_change import Change
from tests.payloads import OWN_WEBHOOKS

ARRIVAL = datetime(2026, 11, 22, tzinfo=UTC)
WABA = WabaId("100000000000001")
AT = datetime.fromtimestamp(1790420400, UTC)
CAPABILITY_AT = datetime.fromtimestamp(1790420401, UTC)
QUALITY_AT = datetime.fromtimestamp(1790420402, UTC)
UNTIL = datetime.fromtimestamp(1790679600, UTC)


def restricted(raw_type: str, until: datetime | None) -> Restriction:
    return Restriction(RestrictionType.of(raw_type), raw_type, until)


def restriction(*restrictions: Restriction) -> AccountRestriction:
    return AccountRestriction(WABA, restrictions, AT)


def update(
    event: str, *, ban: str | None = None, violation: str | None = None, waba: str = WABA
) -> AccountUpdate:
    return AccountUpdate(WabaId(waba), event, ban, violation, AT)


def quality(
    event: QualityEvent, current_limit: int | None, business_limit: int | None = None
) -> QualityUpdate:
    return QualityUpdate(WABA, "15550001111", event, current_limit, business_limit, QUALITY_AT)


def capability(business: int | None, phone: int | None) -> CapabilityUpdate:
    return CapabilityUpdate(WABA, business, phone, CAPABILITY_AT)


STRIKE = "DIRECT_SEND_UTILITY_CATEGORY_ABUSE_STRIKE_1"
WARNING = "DIRECT_SEND_UTILITY_CATEGORY_ABUSE_WARN"

EXPECTED: dict[str, tuple[Event, ...]] = {
    "account_update__restriction": (
        restriction(
            restricted("RESTRICTED_BIZ_INITIATED_MESSAGING", UNTIL),
            restricted("RESTRICTED_ADD_PHONE_NUMBER_ACTION", UNTIL),
        ),
    ),
    "account_update__restriction_expiration_string": (
        restriction(restricted("RESTRICTED_UTILITY_TEMPLATES", UNTIL)),
    ),
    "account_update__restriction_expiration_placeholder": (
        restriction(restricted("RESTRICTED_CUSTOMER_INITIATED_MESSAGING", None)),
    ),
    "account_update__restriction_unheard_of": (
        restriction(Restriction(RestrictionType.UNKNOWN, "RESTRICTED_TELEPATHY", None)),
    ),
    "account_update__restriction_direct_send_strike": (
        restriction(restricted("RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES", UNTIL)),
        update("ACCOUNT_RESTRICTION", violation=STRIKE),
    ),
    "account_update__restriction_direct_send_warning": (
        update("ACCOUNT_RESTRICTION", violation=WARNING),
    ),
    "account_update__violation": (update("ACCOUNT_VIOLATION", violation="SCAM"),),
    "account_update__disabled": (update("DISABLED_UPDATE", ban="SCHEDULE_FOR_DISABLE"),),
    "account_update__deleted": (update("ACCOUNT_DELETED"),),
    "account_update__partner_removed": (update("PARTNER_REMOVED", waba="100000000000009"),),
    "business_capability_update__tier": (capability(2_000, None),),
    "business_capability_update__integer": (capability(2_000, None),),
    "business_capability_update__per_phone": (capability(None, UNLIMITED),),
    "business_capability_update__not_set": (capability(None, None),),
    "phone_number_quality_update__flagged": (quality(QualityEvent.FLAGGED, 1_000),),
    "phone_number_quality_update__unflagged": (quality(QualityEvent.UNFLAGGED, 1_000),),
    "phone_number_quality_update__upgrade": (quality(QualityEvent.UPGRADE, 10_000),),
    "phone_number_quality_update__downgrade": (quality(QualityEvent.DOWNGRADE, 250),),
    "phone_number_quality_update__onboarding": (quality(QualityEvent.ONBOARDING, None, 250),),
    "phone_number_quality_update__throughput_upgrade": (
        quality(QualityEvent.THROUGHPUT_UPGRADE, UNLIMITED, UNLIMITED),
    ),
    "phone_number_quality_update__unheard_of": (quality(QualityEvent.UNKNOWN, None),),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_variant_is_read(name: str) -> None:
    body = (OWN_WEBHOOKS / f"{name}.json").read_bytes()
    assert read(body, ARRIVAL) == Delivery(EXPECTED[name], ())


def test_every_payload_has_its_expectation() -> None:
    prefixes = ("account_update__", "business_capability_", "phone_number_quality_")
    assert {p.stem for p in OWN_WEBHOOKS.iterdir() if p.stem.startswith(prefixes)} == set(EXPECTED)


def change(**value: object) -> Change:
    return Change(WABA, AT, "here", value, [], [])


def test_a_restriction_without_a_type_is_kept_as_unknown() -> None:
    found = change(event="ACCOUNT_RESTRICTION", restriction_info={"expiration": 1790679600})
    read_account_update(found)
    assert found.events == [restriction(Restriction(RestrictionType.UNKNOWN, "", UNTIL))]


def test_a_restriction_of_nothing_is_an_update() -> None:
    found = change(event="ACCOUNT_RESTRICTION", restriction_info="soon")
    read_account_update(found)
    assert found.events == [update("ACCOUNT_RESTRICTION")]


@pytest.mark.parametrize(
    ("shown", "digits"), [("+1 555-000-1111", "15550001111"), ("<NUMBER>", "<NUMBER>")]
)
def test_a_display_number_is_its_digits(shown: str, digits: str) -> None:
    found = change(event="FLAGGED", display_phone_number=shown)
    read_quality(found)
    (event,) = found.events
    assert isinstance(event, QualityUpdate)
    assert event.display_phone_number == digits
