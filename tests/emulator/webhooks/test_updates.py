from dataclasses import replace
from typing import Any

import pytest

from gateway.emulator.knobs import CapabilityFormat
from gateway.emulator.life.people import Person
from gateway.emulator.registry import Number
from gateway.emulator.webhooks import updates
from gateway.emulator.webhooks.updates import Sent
from tests.emulator.conftest import FIRST, LONE, WABA, state

SENT = Sent("wamid.x", "34600000001", False, False, "marketing", "mine")  # noqa: FBT003 - as read
STATE = state()
NUMBER = STATE.registry.numbers[FIRST]
ANA = Person("34600000001", "Ana Ex")
MESSAGE = {"id": "wamid.y", "timestamp": "1", "type": "text", "text": {"body": "hello"}}
NOW = 1_790_420_700.9


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


@pytest.mark.parametrize(
    ("form", "limit", "key", "value"),
    [
        ("integer", 2000, "max_daily_conversations_per_business", 2000),
        ("integer", None, "max_daily_conversations_per_business", "UNLIMITED"),
        ("per_phone", 2000, "max_daily_conversation_per_phone", 2000),
        ("per_phone", None, "max_daily_conversation_per_phone", -1),
    ],
)
def test_a_capability_in_the_forms_of_other_versions(
    form: CapabilityFormat, limit: int | None, key: str, value: object
) -> None:
    """Source: W-CAP, 21 May 2026 (R§2.3, R§12.1 row 4)."""
    told = updates.business_capability(WABA, limit, NOW, form).value
    assert told == {key: value, "max_phone_numbers_per_waba": 25}


def test_pricing_is_on_the_first_status_only() -> None:
    """Source: W-STAT, 14 Sep 2026 (R§8.4)."""
    sent, delivered = (
        updates.status(NUMBER, SENT, name, NOW).value["statuses"][0]
        for name in ("sent", "delivered")
    )
    regular = {"billable": True, "pricing_model": "PMP", "type": "regular"}
    assert sent["pricing"] == regular | {"category": "marketing"}
    assert "pricing" not in delivered
    assert "conversation" not in sent


def test_a_free_entry_point_is_a_conversation() -> None:
    """Source: W-STAT, 14 Sep 2026; PRICE, 11 Sep 2026 (R§3, R§8.4)."""
    free = replace(SENT, pricing_type="free_entry_point", free_until=NOW + 60)
    sent, read = (
        updates.status(NUMBER, free, name, NOW).value["statuses"][0] for name in ("sent", "read")
    )
    assert (sent["pricing"]["billable"], sent["pricing"]["category"]) == (
        False,
        "referral_conversion",
    )
    assert sent["conversation"]["expiration_timestamp"] == str(int(NOW + 60))
    assert sent["conversation"]["id"] == read["conversation"]["id"]
    assert "expiration_timestamp" not in read["conversation"]


def test_a_status_in_a_group_names_its_participant() -> None:
    """Source: GRP, W-STAT (R§1.9, R§8.4)."""
    sent = replace(SENT, user="a-group", to_group=True)
    value = updates.status(NUMBER, sent, "read", NOW, ANA.phone).value
    entry = value["statuses"][0]
    assert (entry["recipient_id"], entry["recipient_type"]) == ("a-group", "group")
    assert entry["recipient_participant_id"] == ANA.phone
    assert value["contacts"][0]["wa_id"] == ANA.phone


def test_the_phone_of_who_has_a_username_only_is_nowhere() -> None:
    """Source: BSUID, 15 Sep 2026 (R§1.4, R§12.3)."""
    hidden = replace(ANA, username_only=True)
    for update in (
        updates.inbound(NUMBER, hidden, MESSAGE),
        updates.call(NUMBER, hidden, {"event": "connect"}),
        updates.user_preference(NUMBER, hidden, "stop", NOW),
    ):
        assert ANA.phone not in str(update.value)
        assert update.value["contacts"][0]["user_id"].startswith("ES.")


def test_who_is_known_by_a_strange_user_id_alone_has_no_phone() -> None:
    value = updates.inbound(NUMBER, Person("US.abc"), MESSAGE).value
    assert "from" not in value["messages"][0]
    assert value["contacts"] == [{"profile": {"name": "Example User"}, "user_id": "US.abc"}]


def test_a_status_to_a_user_id_keeps_the_phone_to_itself() -> None:
    """Source: W-STAT, BSUID (R§1.4, R§8.4)."""
    value = updates.status(NUMBER, replace(SENT, by_bsuid=True), "sent", NOW).value
    assert "recipient_id" not in value["statuses"][0]
    assert "wa_id" not in value["contacts"][0]


def test_an_error_of_the_number_stands_beside_no_message() -> None:
    """Source: W-ERRS, 17 Jun 2026 (R§8.3)."""
    value = updates.system_error(NUMBER, 130429, "too fast", NOW).value
    assert set(value) == {"messaging_product", "metadata", "errors"}
    assert value["errors"][0]["code"] == 130429


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
