"""The shapes of webhooks, laid beside real ones where those are at hand."""

from typing import Any

import orjson
import pytest

from gateway.emulator.registry import Number
from gateway.emulator.webhooks import updates
from gateway.emulator.webhooks.sender import body_of
from gateway.emulator.webhooks.updates import Sent, Update
from tests.emulator.conftest import FIRST, LONE, WABA, state
from tests.payloads import REAL

SENT = Sent("wamid.x", "34600000001", False, False, "marketing", "mine")  # noqa: FBT003 - as read
STATE = state()
NUMBER = STATE.registry.numbers[FIRST]
TEMPLATE = STATE.registry.templates_by_id["600000000000001"]
NOW = 1_790_420_700.9
# Meta's own account of what was left out and why: conversation since v24, parent ids only for
# linked portfolios, and errors on the way of group messages.
NOT_EMULATED = {"conversation", "parent_user_id", "recipient_parent_user_id"}


@pytest.mark.parametrize(
    ("limit", "tier"),
    [
        (None, "TIER_UNLIMITED"),
        (50, "TIER_50"),
        (250, "TIER_250"),
        (1000, "TIER_1K"),
        (2000, "TIER_2K"),
        (100_000, "TIER_100K"),
        (0, "TIER_0"),
    ],
)
def test_tiers(limit: int | None, tier: str) -> None:
    """Source: LIM, W-CAP (R§2.3)."""
    assert updates.tier(limit) == tier


def keys(value: Any, path: str = "") -> set[str]:
    """Name every key of a payload by its path."""
    if isinstance(value, dict):
        found = {f"{path}.{key}" for key in value if key not in NOT_EMULATED}
        for key in set(value) - NOT_EMULATED:
            found |= keys(value[key], f"{path}.{key}")
        return found
    if isinstance(value, list):
        return {each for item in value for each in keys(item, f"{path}[]")}
    return set()


SHAPES: list[tuple[str, Update]] = [
    ("message_status__sent", updates.status(NUMBER, SENT, "sent", NOW)),
    ("message_status__with_tracker", updates.status(NUMBER, SENT, "sent", NOW)),
    ("message_status__read", updates.status(NUMBER, SENT, "read", NOW)),
    (
        "message__text",
        updates.inbound(
            NUMBER,
            "34600000001",
            {"id": "wamid.y", "timestamp": "1", "type": "text", "text": {"body": "hello"}},
            "Ana Ex",
        ),
    ),
    ("account_update__account_restriction", updates.account_restrictions(WABA, ["X"], NOW, NOW)),
    ("user_marketing_preferences__resume", updates.user_preference(NUMBER, "346", "resume", NOW)),
    (
        "template_status_update__approved",
        updates.template_status(TEMPLATE, "APPROVED", None, NOW),
    ),
    ("template_quality_update__yellow", updates.template_quality(TEMPLATE, "GREEN", NOW)),
    ("template_category_update__marketing", updates.template_category(TEMPLATE, "UTILITY", NOW)),
]


@pytest.mark.skipif(not (REAL / "pywa").exists(), reason="real payloads are not on this machine")
@pytest.mark.parametrize(("name", "update"), SHAPES, ids=[each[0] for each in SHAPES])
def test_nothing_of_a_real_payload_is_missing(name: str, update: Update) -> None:
    real = keys(orjson.loads((REAL / "pywa" / f"{name}.json").read_bytes()))
    ours = keys(orjson.loads(body_of([update])))
    # Contacts and pricing do not come on every status; which is stated by R§8.4.
    optional = {each for each in real if ".pricing" in each and name.endswith("read")}
    assert real - ours - optional == set()


def test_a_failed_status_has_errors_and_no_contacts() -> None:
    """Source: W-STAT, 14 Sep 2026 (R§8.3, R§8.4)."""
    value = updates.failed(NUMBER, SENT, (131047, "late"), NOW).value
    assert "contacts" not in value
    entry = value["statuses"][0]
    assert (entry["status"], entry["errors"][0]["code"]) == ("failed", 131047)
    assert (entry["timestamp"], entry["recipient_id"]) == ("1790420700", "34600000001")
    assert "recipient_user_id" not in entry


def test_the_display_number_is_digits_in_webhooks() -> None:
    """Source: the examples of R§8.4."""
    metadata = updates.status(NUMBER, SENT, "sent", NOW).value["metadata"]
    assert metadata == {"display_phone_number": "15550001111", "phone_number_id": FIRST}


def test_a_recipient_that_is_no_phone_is_still_told() -> None:
    odd = Sent("wamid.x", "{{Recipient}}", False, False, "service", None)  # noqa: FBT003 - as read
    assert updates.status(NUMBER, odd, "sent", NOW).value["statuses"][0]["recipient_id"]


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        (
            250,
            {
                "max_daily_conversations_per_business": "TIER_250",
                "max_phone_numbers_per_business": 2,
            },
        ),
        (
            None,
            {
                "max_daily_conversations_per_business": "TIER_UNLIMITED",
                "max_phone_numbers_per_waba": 25,
            },
        ),
    ],
)
def test_a_capability(limit: int | None, value: dict[str, Any]) -> None:
    """Source: W-CAP, 21 May 2026 (R§6.3)."""
    update = updates.business_capability(WABA, limit, NOW)
    assert (update.value, update.time) == (value, int(NOW))


def test_the_old_limit_is_named_when_it_differs() -> None:
    """Source: W-PNQ, 21 May 2026 (R§6.3)."""
    number: Number = STATE.registry.numbers[LONE]
    same = updates.number_quality(number, "FLAGGED", (1000, 1000), NOW).value
    assert same == {
        "display_phone_number": "34900000333",
        "event": "FLAGGED",
        "current_limit": "TIER_1K",
    }
    lower = updates.number_quality(number, "DOWNGRADE", (1000, 250), NOW).value
    assert (lower["old_limit"], lower["current_limit"]) == ("TIER_1K", "TIER_250")
