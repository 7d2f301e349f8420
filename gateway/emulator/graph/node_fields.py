"""Shows numbers, accounts and templates as nodes of the Graph API."""

from collections.abc import Set as AbstractSet
from typing import Any

from gateway.emulator import identity
from gateway.emulator.errors import Refusal
from gateway.emulator.graph import health
from gateway.emulator.registry import Number, Template
from gateway.emulator.state import State
from gateway.emulator.webhooks.updates import tier

_HIGH_THROUGHPUT = 1000
_NUMBER_DEFAULTS = "id,display_phone_number,verified_name,quality_rating"
_WABA_DEFAULTS = "id,name,timezone_id,message_template_namespace"
_TEMPLATE_DEFAULTS = "id,name,language,status,category,components,parameter_format,sub_category"
# What a number has without there being anything to show. Source: OAPI v23.0, PYWA (R§4.4).
_EMPTY_OF_NUMBER = frozenset(
    {
        "certificate",
        "conversational_automation",
        "last_onboarded_time",
        "messaging_limit_tier",
        "new_certificate",
        "new_display_name",
        "username",
        "whatsapp_business_manager_messaging_limit",
    }
)
_EMPTY_OF_WABA = frozenset(
    {
        "analytics",
        "conversation_analytics",
        "linked_commerce_account",
        "on_behalf_of_business_info",
        "primary_funding_id",
        "purchase_order_number",
        "whatsapp_business_manager_messaging_limit",
    }
)


class NonexistentFieldError(LookupError):
    """A field was asked for that a node does not have; `refusal` is Graph's answer."""

    def __init__(self, name: str) -> None:
        text = f"(#100) Tried accessing nonexistent field ({name})"
        super().__init__(text)
        self.refusal = Refusal(100, text, message=text)


def number(state: State, each: Number, fields: str | None) -> dict[str, Any]:
    """Show a number. Source: OAPI v23.0, LIM 8 May 2026, HEALTH 17 Jun 2026 (R§4.4).

    The limit is `messaging_limit_tier` in the regime per_number and
    `whatsapp_business_manager_messaging_limit` in the regime portfolio. Raises
    NonexistentFieldError.
    """
    whole = {
        "id": each.id,
        "display_phone_number": each.display_phone_number,
        "verified_name": each.verified_name,
        "quality_rating": each.quality_rating,
        "quality_score": {"score": each.quality_rating},
        "status": each.status,
        "throughput": {"level": _throughput_level(each)},
        "platform_type": "CLOUD_API" if each.is_registered else "NOT_APPLICABLE",
        "name_status": "APPROVED",
        "new_name_status": "NONE",
        "code_verification_status": _verification(each),
        "account_mode": "SANDBOX" if each.is_test_number else "LIVE",
        "is_on_biz_app": each.is_on_biz_app,
        "is_official_business_account": False,
        "is_pin_enabled": each.is_registered or each.registration.pin is not None,
        "is_preverified_number": False,
        "search_visibility": "NON_VISIBLE",
        "eligibility_for_api_business_global_search": "NON_ELIGIBLE_UNDEFINED_COUNTRY",
        "country_code": identity.bsuid_of(each.digits, each.scope)[:2],
        "country_dial_code": each.calling_code,
        "webhook_configuration": _webhook_configuration(state),
        "health_status": health.of_number(state, each),
    }
    limit = tier(state.registry.limit_of(each))
    if each.regime == "portfolio":
        whole["whatsapp_business_manager_messaging_limit"] = limit
    else:
        whole["messaging_limit_tier"] = limit
    return chosen(whole, fields or _NUMBER_DEFAULTS, empty=_EMPTY_OF_NUMBER)


def _throughput_level(each: Number) -> str:
    if not each.is_registered:
        return "NOT_APPLICABLE"
    return "HIGH" if each.throughput >= _HIGH_THROUGHPUT else "STANDARD"


def _verification(each: Number) -> str:
    return "VERIFIED" if each.registration.is_verified else "NOT_VERIFIED"


def _webhook_configuration(state: State) -> dict[str, str]:
    """Say where webhooks go; they have one address, the app's. Source: W-OVR (R§4.4)."""
    return {} if state.sender.url is None else {"application": state.sender.url}


def waba(state: State, waba_id: str, fields: str | None) -> dict[str, Any]:
    """Show a WhatsApp Business Account (R§4.4). Raises NonexistentFieldError."""
    registry = state.registry
    about, numbers = registry.waba(waba_id), registry.numbers_of(waba_id)
    portfolio = next((each for each in numbers if each.regime == "portfolio"), None)
    is_verified = portfolio is not None and portfolio.portfolio_id in registry.verified
    whole: dict[str, Any] = {
        "id": waba_id,
        "name": f"Account {waba_id}",
        "timezone_id": "1",
        "message_template_namespace": f"namespace_{waba_id}",
        "status": "ACTIVE" if about.is_active else "INACTIVE",
        "account_review_status": "APPROVED",
        "business_verification_status": "verified" if is_verified else "not_verified",
        "marketing_messages_onboarding_status": (
            "ONBOARDED" if about.marketing_messages_onboarded else "ELIGIBLE"
        ),
        "marketing_messages_lite_api_status": (
            "ONBOARDED" if about.marketing_messages_onboarded else "ELIGIBLE"
        ),
        "disable_marketing_messages_on_cloud_api": about.disable_marketing_messages_on_cloud_api,
        "ownership_type": "SELF",
        "currency": "USD",
        "country": "US",
        "is_enabled_for_insights": True,
        "health_status": health.of_waba(state, waba_id),
        "subscribed_apps": subscriptions(state, waba_id),
    }
    if portfolio is not None:
        limit = tier(registry.limit_of(portfolio))
        whole["whatsapp_business_manager_messaging_limit"] = limit
        whole["owner_business_info"] = {"id": portfolio.portfolio_id, "name": "Example Business"}
    return chosen(whole, fields or _WABA_DEFAULTS, empty=_EMPTY_OF_WABA | {"owner_business_info"})


def subscriptions(state: State, waba_id: str) -> dict[str, Any]:
    """Show who hears of an account: an edge that may be asked for as a field, too (R§1.1)."""
    app = {"id": state.world.app_id, "name": "Example App", "link": "https://example.com/"}
    is_there = waba_id in state.registry.subscribed
    return {"data": [{"whatsapp_business_api_data": app}] if is_there else []}


def template(each: Template, fields: str | None) -> dict[str, Any]:
    """Show a template (R§6.4)."""
    whole: dict[str, Any] = {
        "id": each.id,
        "name": each.name,
        "language": each.language,
        "status": each.status,
        "category": each.category,
        "components": each.components,
        "parameter_format": each.parameter_format,
        "sub_category": "CUSTOM",
        "quality_score": {"score": each.quality, "date": int(each.quality_at)},
        "rejected_reason": "NONE",
    }
    if each.message_send_ttl_seconds is not None:
        whole["message_send_ttl_seconds"] = each.message_send_ttl_seconds
    return chosen(whole, fields or _TEMPLATE_DEFAULTS)


def chosen(
    whole: dict[str, Any], fields: str, *, empty: AbstractSet[str] | None = None
) -> dict[str, Any]:
    """Keep the fields that were asked for; `id` always comes.

    With the names of fields that exist but are `empty`, any other is a NonexistentFieldError;
    without, unknown ones are passed over.
    """
    names = {"id", *field_names(fields)}
    if empty is not None:
        stranger = next((name for name in sorted(names) if name not in {*whole, *empty}), None)
        if stranger is not None:
            raise NonexistentFieldError(stranger)
    return {name: value for name, value in whole.items() if name in names}


def field_names(fields: str) -> list[str]:
    """Read "id,throughput{level},name" as the names of its upper level."""
    names, depth, name = [], 0, ""
    for sign in fields + ",":
        if sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
        elif depth == 0 and sign == ",":
            names.append(name.strip())
            name = ""
        elif depth == 0:
            name += sign
    return [each for each in names if each]
