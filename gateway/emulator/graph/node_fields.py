"""Shows numbers, accounts and templates as nodes of the Graph API."""

from typing import Any

from gateway.emulator.registry import Number, Registry, Template
from gateway.emulator.rules.judge import SENDING_STATUSES
from gateway.emulator.webhooks.updates import tier

_HIGH_THROUGHPUT = 1000
_NUMBER_DEFAULTS = "id,display_phone_number,verified_name,quality_rating"
_WABA_DEFAULTS = "id,name,timezone_id,message_template_namespace"
_TEMPLATE_DEFAULTS = "id,name,language,status,category,components,parameter_format,sub_category"


def number(registry: Registry, each: Number, fields: str | None) -> dict[str, Any]:
    """Show a number. Source: OAPI v23.0, LIM 8 May 2026, HEALTH 17 Jun 2026 (R§4.4).

    The limit is `messaging_limit_tier` in the regime per_number and
    `whatsapp_business_manager_messaging_limit` in the regime portfolio.
    """
    is_sending = each.status in SENDING_STATUSES
    whole = {
        "id": each.id,
        "display_phone_number": each.display_phone_number,
        "verified_name": each.verified_name,
        "quality_rating": each.quality_rating,
        "quality_score": {"score": each.quality_rating},
        "status": each.status,
        "throughput": {"level": "HIGH" if each.throughput >= _HIGH_THROUGHPUT else "STANDARD"},
        "platform_type": "CLOUD_API",
        "name_status": "APPROVED",
        "new_name_status": "NONE",
        "code_verification_status": "VERIFIED",
        "account_mode": "LIVE",
        "is_on_biz_app": False,
        "is_official_business_account": False,
        "is_pin_enabled": True,
        "is_preverified_number": False,
        "search_visibility": "NON_VISIBLE",
        "country_dial_code": each.calling_code,
        "health_status": health(registry, each, is_sending=is_sending),
    }
    limit = tier(registry.limit_of(each))
    if each.regime == "portfolio":
        whole["whatsapp_business_manager_messaging_limit"] = limit
    else:
        whole["messaging_limit_tier"] = limit
    return chosen(whole, fields or _NUMBER_DEFAULTS)


def health(registry: Registry, each: Number, *, is_sending: bool) -> dict[str, Any]:
    """Say who may send; the whole is the worst of its parts. Source: HEALTH, 17 Jun 2026."""
    state = "AVAILABLE" if is_sending else "BLOCKED"
    if each.status in {"RESTRICTED", "RATE_LIMITED", "FLAGGED"}:
        state = "LIMITED"
    entity: dict[str, Any] = {
        "entity_type": "PHONE_NUMBER",
        "id": each.id,
        "can_send_message": state,
    }
    if state == "LIMITED":
        entity["additional_info"] = [f"The phone number is {each.status}."]
    if state == "BLOCKED":
        entity["errors"] = [
            {
                "error_code": 141002,
                "error_description": f"The phone number is {each.status}.",
                "possible_solution": "Register the phone number again or appeal.",
            }
        ]
    others = [{"entity_type": "WABA", "id": each.waba_id, "can_send_message": "AVAILABLE"}]
    if each.portfolio_id in registry.portfolio_limits:
        business = {"entity_type": "BUSINESS", "id": str(each.portfolio_id)}
        others.append(business | {"can_send_message": "AVAILABLE"})
    return {"can_send_message": state, "entities": [entity, *others]}


def waba(registry: Registry, waba_id: str, fields: str | None) -> dict[str, Any]:
    """Show a WhatsApp Business Account (R§4.4)."""
    whole: dict[str, Any] = {
        "id": waba_id,
        "name": f"Account {waba_id}",
        "timezone_id": "1",
        "message_template_namespace": f"namespace_{waba_id}",
        "status": "ACTIVE",
        "account_review_status": "APPROVED",
        "business_verification_status": "verified",
        "marketing_messages_onboarding_status": "ONBOARDED",
        "ownership_type": "SELF",
        "currency": "USD",
        "country": "US",
        "is_enabled_for_insights": True,
        "health_status": {
            "can_send_message": "AVAILABLE",
            "entities": [{"entity_type": "WABA", "id": waba_id, "can_send_message": "AVAILABLE"}],
        },
    }
    portfolio = next((n for n in registry.numbers_of(waba_id) if n.regime == "portfolio"), None)
    if portfolio is not None:
        limit = tier(registry.limit_of(portfolio))
        whole["whatsapp_business_manager_messaging_limit"] = limit
    return chosen(whole, fields or _WABA_DEFAULTS)


def template(each: Template, fields: str | None) -> dict[str, Any]:
    """Show a template (R§6.4)."""
    whole = {
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
    return chosen(whole, fields or _TEMPLATE_DEFAULTS)


def chosen(whole: dict[str, Any], fields: str) -> dict[str, Any]:
    """Keep the fields that were asked for; `id` always comes, unknown ones are passed over."""
    names = {"id", *field_names(fields)}
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
