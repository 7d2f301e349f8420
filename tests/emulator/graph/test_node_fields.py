import pytest

from gateway.emulator.graph import node_fields
from tests.emulator.conftest import FIRST, LONE, WABA, state


def test_fields_are_read_with_their_braces() -> None:
    asked = "id, throughput{level,other},health_status{entities{id}},status"
    assert node_fields.field_names(asked) == ["id", "throughput", "health_status", "status"]


def test_a_number_shows_four_fields_unless_asked() -> None:
    """Source: G-PHONE (R§4.4)."""
    registry = state().registry
    shown = node_fields.number(registry, registry.numbers[FIRST], None)
    assert shown == {
        "id": FIRST,
        "display_phone_number": "+1 555-000-1111",
        "verified_name": "Example Shop",
        "quality_rating": "GREEN",
    }


def test_the_field_of_the_limit_follows_the_regime() -> None:
    """Source: LIM, 8 May 2026 (R§2.3)."""
    registry = state().registry
    both = "whatsapp_business_manager_messaging_limit,messaging_limit_tier"
    shared = node_fields.number(registry, registry.numbers[FIRST], both)
    assert shared == {"id": FIRST, "whatsapp_business_manager_messaging_limit": "TIER_2"}
    own = node_fields.number(registry, registry.numbers[LONE], both)
    assert own == {"id": LONE, "messaging_limit_tier": "TIER_1K"}


@pytest.mark.parametrize(
    ("status", "can_send"),
    [("CONNECTED", "AVAILABLE"), ("RESTRICTED", "LIMITED"), ("BANNED", "BLOCKED")],
)
def test_health_is_that_of_the_worst_part(status: str, can_send: str) -> None:
    """Source: HEALTH, 17 Jun 2026 (R§4.4)."""
    registry = state().registry
    number = registry.numbers[FIRST]
    number.status = status
    health = node_fields.number(registry, number, "health_status")["health_status"]
    assert health["can_send_message"] == can_send
    assert [each["entity_type"] for each in health["entities"]] == [
        "PHONE_NUMBER",
        "WABA",
        "BUSINESS",
    ]


@pytest.mark.parametrize(("throughput", "level"), [(80, "STANDARD"), (1000, "HIGH")])
def test_throughput_has_a_level(throughput: int, level: str) -> None:
    """Source: THR, OAPI (R§4.4)."""
    registry = state().registry
    registry.numbers[FIRST].throughput = throughput
    shown = node_fields.number(registry, registry.numbers[FIRST], "throughput")
    assert shown["throughput"] == {"level": level}


def test_an_account_and_a_template_show_what_is_asked() -> None:
    registry = state().registry
    assert node_fields.waba(registry, WABA, "currency") == {"id": WABA, "currency": "USD"}
    template = registry.templates_by_id["600000000000001"]
    shown = node_fields.template(template, "name,quality_score")
    assert shown == {
        "id": template.id,
        "name": "promo",
        "quality_score": {"score": "UNKNOWN", "date": 0},
    }
