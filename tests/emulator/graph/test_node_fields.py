import pytest

from gateway.emulator.graph import node_fields
from tests.emulator.conftest import FIRST, LONE, WABA, state


def test_fields_are_read_with_their_braces() -> None:
    asked = "id, throughput{level,other},health_status{entities{id}},status"
    assert node_fields.field_names(asked) == ["id", "throughput", "health_status", "status"]


def test_a_number_shows_four_fields_unless_asked() -> None:
    """Source: G-PHONE (R§4.4)."""
    some = state()
    shown = node_fields.number(some, some.registry.numbers[FIRST], None)
    assert shown == {
        "id": FIRST,
        "display_phone_number": "+1 555-000-1111",
        "verified_name": "Example Shop",
        "quality_rating": "GREEN",
    }


def test_the_field_of_the_limit_follows_the_regime() -> None:
    """Source: LIM, 8 May 2026 (R§2.3)."""
    some = state()
    both = "whatsapp_business_manager_messaging_limit,messaging_limit_tier"
    shared = node_fields.number(some, some.registry.numbers[FIRST], both)
    assert shared == {"id": FIRST, "whatsapp_business_manager_messaging_limit": "TIER_2"}
    own = node_fields.number(some, some.registry.numbers[LONE], both)
    assert own == {"id": LONE, "messaging_limit_tier": "TIER_1K"}


def test_every_field_of_a_number_can_be_asked_for() -> None:
    """Source: OAPI v23.0, G-PHONE, W-OVR, HEALTH (R§4.4)."""
    some = state()
    fields = (
        "quality_rating,quality_score{score,date},throughput{level},status,platform_type,"
        "is_on_biz_app,name_status,new_name_status,code_verification_status,account_mode,"
        "is_official_business_account,is_pin_enabled,is_preverified_number,country_code,"
        "country_dial_code,search_visibility,eligibility_for_api_business_global_search,"
        "webhook_configuration,health_status"
    )
    shown = node_fields.number(some, some.registry.numbers[FIRST], fields)
    assert shown.keys() == {"id", *node_fields.field_names(fields)}
    assert (shown["country_code"], shown["country_dial_code"]) == ("US", "1")
    assert (shown["account_mode"], shown["code_verification_status"]) == ("LIVE", "VERIFIED")
    unset = "last_onboarded_time,certificate,username,conversational_automation"
    assert node_fields.number(some, some.registry.numbers[FIRST], unset) == {"id": FIRST}


def test_a_number_shows_what_it_is() -> None:
    """Source: COEX, THR, OAPI (R§4.4, R§5.1)."""
    some = state()
    number = some.registry.numbers[FIRST]
    number.is_test_number = number.is_on_biz_app = True
    number.is_registered = number.registration.is_verified = False
    fields = "account_mode,is_on_biz_app,throughput,code_verification_status,is_pin_enabled"
    assert node_fields.number(some, number, fields) == {
        "id": FIRST,
        "throughput": {"level": "NOT_APPLICABLE"},
        "code_verification_status": "NOT_VERIFIED",
        "account_mode": "SANDBOX",
        "is_on_biz_app": True,
        "is_pin_enabled": False,
    }


def test_webhooks_have_the_address_of_the_app() -> None:
    """Source: W-OVR (R§4.4)."""
    some = state()
    some.sender.url = "https://app.example.com/hook"
    shown = node_fields.number(some, some.registry.numbers[FIRST], "webhook_configuration")
    assert shown["webhook_configuration"] == {"application": "https://app.example.com/hook"}


def test_a_field_that_nobody_has_is_an_error() -> None:
    some = state()
    with pytest.raises(node_fields.NonexistentFieldError) as raised:
        node_fields.number(some, some.registry.numbers[FIRST], "id,colour")
    assert raised.value.refusal.code == 100
    assert "(colour)" in str(raised.value.refusal.message)
    with pytest.raises(node_fields.NonexistentFieldError):
        node_fields.waba(some, WABA, "colour")


@pytest.mark.parametrize(("throughput", "level"), [(80, "STANDARD"), (1000, "HIGH")])
def test_throughput_has_a_level(throughput: int, level: str) -> None:
    """Source: THR, OAPI (R§4.4)."""
    some = state()
    some.registry.numbers[FIRST].throughput = throughput
    shown = node_fields.number(some, some.registry.numbers[FIRST], "throughput")
    assert shown["throughput"] == {"level": level}


def test_an_account_and_a_template_show_what_is_asked() -> None:
    some = state()
    assert node_fields.waba(some, WABA, "currency") == {"id": WABA, "currency": "USD"}
    template = some.registry.templates_by_id["600000000000001"]
    shown = node_fields.template(template, "name,quality_score")
    assert shown == {
        "id": template.id,
        "name": "promo",
        "quality_score": {"score": "UNKNOWN", "date": 0},
    }
