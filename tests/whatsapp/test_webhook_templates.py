from datetime import UTC, datetime

import pytest

from gateway.whatsapp.events import (
    Event,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateStatusUpdate,
)
from gateway.whatsapp.ids import WabaId
from gateway.whatsapp.json_fields import BrokenPayloadError
from gateway.whatsapp.template import (
    TemplateCategory,
    TemplateKey,
    TemplateQuality,
    TemplateStatus,
)
from gateway.whatsapp.webhook import Delivery, read
from gateway.whatsapp.webhook_change import Change
from gateway.whatsapp.webhook_templates import read_category, read_status
from tests.payloads import OWN_WEBHOOKS

ARRIVAL = datetime(2026, 11, 22, tzinfo=UTC)
WABA = WabaId("100000000000001")
ID = "600000000000006"
KEY = TemplateKey("promo_autumn", "en_US")
MARKETING = TemplateCategory.MARKETING
UTILITY = TemplateCategory.UTILITY
AT = datetime.fromtimestamp(1790420500, UTC)


def status(now: TemplateStatus, raw_event: str, title: str | None = None) -> TemplateStatusUpdate:
    return TemplateStatusUpdate(WABA, ID, KEY, now, raw_event, title, MARKETING, AT)


def quality(previous: TemplateQuality, current: TemplateQuality) -> TemplateQualityUpdate:
    at = datetime.fromtimestamp(1790420501, UTC)
    return TemplateQualityUpdate(WABA, ID, KEY, previous, current, at)


def category(now: TemplateCategory, correct: TemplateCategory | None) -> TemplateCategoryUpdate:
    at = datetime.fromtimestamp(1790420502, UTC)
    return TemplateCategoryUpdate(WABA, ID, KEY, now, correct, at)


STATUS = "message_template_status_update__"
EXPECTED: dict[str, Event] = {
    f"{STATUS}approved": status(TemplateStatus.APPROVED, "APPROVED"),
    f"{STATUS}rejected": status(TemplateStatus.REJECTED, "REJECTED"),
    f"{STATUS}paused": status(TemplateStatus.PAUSED, "PAUSED", "FIRST_PAUSE"),
    f"{STATUS}unpaused": status(TemplateStatus.APPROVED, "PAUSED", "UNPAUSE"),
    f"{STATUS}paused_for_good": status(TemplateStatus.DISABLED, "PAUSED", "DISABLED"),
    f"{STATUS}disabled": status(TemplateStatus.DISABLED, "DISABLED"),
    f"{STATUS}reinstated": status(TemplateStatus.APPROVED, "REINSTATED"),
    f"{STATUS}unarchived": status(TemplateStatus.APPROVED, "UNARCHIVED"),
    f"{STATUS}archived": status(TemplateStatus.ARCHIVED, "ARCHIVED"),
    f"{STATUS}pending_deletion": status(TemplateStatus.PENDING_DELETION, "PENDING_DELETION"),
    f"{STATUS}in_appeal": status(TemplateStatus.IN_APPEAL, "IN_APPEAL"),
    f"{STATUS}limit_exceeded": status(TemplateStatus.LIMIT_EXCEEDED, "LIMIT_EXCEEDED"),
    f"{STATUS}deleted": status(TemplateStatus.DELETED, "DELETED"),
    f"{STATUS}pending": status(TemplateStatus.PENDING, "PENDING"),
    f"{STATUS}flagged": status(TemplateStatus.UNKNOWN, "FLAGGED"),
    f"{STATUS}locked": status(TemplateStatus.UNKNOWN, "LOCKED"),
    f"{STATUS}unheard_of": status(TemplateStatus.UNKNOWN, "EVAPORATED"),
    f"{STATUS}quality_in_disguise": quality(TemplateQuality.GREEN, TemplateQuality.RED),
    "message_template_quality_update__yellow": quality(
        TemplateQuality.GREEN, TemplateQuality.YELLOW
    ),
    "message_template_quality_update__unheard_of": quality(
        TemplateQuality.UNKNOWN, TemplateQuality.UNKNOWN
    ),
    "template_category_update__impending": category(UTILITY, MARKETING),
    "template_category_update__done": category(MARKETING, None),
    "template_correct_category_detection__marketing": category(UTILITY, MARKETING),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_variant_is_read(name: str) -> None:
    body = (OWN_WEBHOOKS / f"{name}.json").read_bytes()
    assert read(body, ARRIVAL) == Delivery((EXPECTED[name],), ())


def test_every_payload_has_its_expectation() -> None:
    prefixes = ("message_template_", "template_")
    assert {p.stem for p in OWN_WEBHOOKS.iterdir() if p.stem.startswith(prefixes)} == set(EXPECTED)


NAMED = {
    "message_template_id": 6,
    "message_template_name": "promo_autumn",
    "message_template_language": "en_US",
}


def change(value: dict[str, object]) -> Change:
    return Change(WABA, AT, "here", value, [], [])


def test_a_template_without_a_category_is_read() -> None:
    found = change({"event": "APPROVED", **NAMED})
    read_status(found)
    (event,) = found.events
    assert isinstance(event, TemplateStatusUpdate)
    assert event.category is None


@pytest.mark.parametrize("key", NAMED)
def test_what_names_the_template_is_required(key: str) -> None:
    broken = {"event": "APPROVED", "new_category": "UTILITY", **NAMED, key: None}
    for reader in (read_status, read_category):
        with pytest.raises(BrokenPayloadError, match=f"has no {key}"):
            reader(change(broken))
