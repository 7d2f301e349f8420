from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError

from gateway.policy.facts import NumberFacts
from gateway.store.numbers import NumberRow
from gateway.web import schemas
from gateway.web.schemas import AppBody, ClockBody, NumberBody, PoolBody
from gateway.whatsapp.ids import PhoneNumberId, PoolId, WabaId
from gateway.whatsapp.number import UNLIMITED, NumberStatus, QualityRating, Regime

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
NUMBER: dict[str, Any] = {
    "phone_number_id": "200000000000009",
    "pool_id": "200000000000009",
    "waba_id": "100000000000009",
    "display_phone_number": "+1 555-000-1009",
}


@pytest.mark.parametrize(
    ("model", "content", "field"),
    [
        (PoolBody, {"regime": "per_number"}, "messaging_limit"),
        (PoolBody, {"regime": "both", "messaging_limit": 250}, "regime"),
        (PoolBody, {"regime": "per_number", "messaging_limit": 0}, "messaging_limit"),
        (PoolBody, {"regime": "per_number", "messaging_limit": UNLIMITED}, "messaging_limit"),
        (PoolBody, {"regime": "per_number", "messaging_limit": 1, "headroom": 1}, "headroom"),
        (PoolBody, {"regime": "per_number", "messaging_limit": 1, "headrom": 0}, "headrom"),
        (NumberBody, NUMBER | {"phone_number_id": "a/b"}, "phone_number_id"),
        (NumberBody, NUMBER | {"phone_number_id": ""}, "phone_number_id"),
        (NumberBody, NUMBER | {"waba_id": "1\n"}, "waba_id"),
        (NumberBody, NUMBER | {"display_phone_number": "shop"}, "display_phone_number"),
        (NumberBody, NUMBER | {"throughput": 0}, "throughput"),
        (NumberBody, NUMBER | {"access_token": "a\r\nX: b"}, "access_token"),
        (NumberBody, NUMBER | {"access_token": ""}, "access_token"),
        (AppBody, {"app_id": "shop"}, "name"),
        (AppBody, {"app_id": "shop", "name": "a\0b"}, "name"),
        (AppBody, {"app_id": "shop", "name": "Shop", "meta_token": "a b"}, "meta_token"),
        (ClockBody, {"advance_s": -1}, "advance_s"),
        (ClockBody, {"advance_s": float("nan")}, "advance_s"),
        (ClockBody, {"advance_s": 1e12}, "advance_s"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_by_its_field(
    model: type[BaseModel], content: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(content)
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


def test_bodies_with_the_least_in_them_get_the_defaults() -> None:
    pool = PoolBody.model_validate({"regime": "portfolio", "messaging_limit": None})
    assert (pool.messaging_limit, pool.headroom) == (None, 0.05)
    assert NumberBody.model_validate(NUMBER).throughput == 80
    assert AppBody.model_validate({"app_id": "shop", "name": "Shöp"}).meta_token is None


def number_row(**changes: Any) -> NumberRow:
    facts = NumberFacts(
        PhoneNumberId("7"),
        PoolId("7"),
        WabaId("1"),
        NumberStatus.CONNECTED,
        QualityRating.RED,
        **changes,
    )
    return NumberRow(facts, "+1 555", 80, NOW, NOW, None, Regime.PER_NUMBER, 1000, 0.05, 0)


def test_a_number_is_shown_with_the_clocks_that_run_and_without_those_that_ran_out() -> None:
    until = NOW + timedelta(hours=1)
    row = number_row(restricted_until=until, restricted_by="ledger", flagged_until=until)
    running = schemas.number_view(row, NOW)
    assert (running["status"], running["restricted_until"]) == ("RESTRICTED", until)
    assert (running["messaging_limit"], running["restricted_by"]) == (1000, "ledger")
    over = schemas.number_view(row, until)
    assert (over["status"], over["restricted_until"], over["flagged_until"]) == (
        "CONNECTED",
        None,
        None,
    )
    assert over["messaging_limit"] == 250


def pool_row(limit: int) -> dict[str, Any]:
    return {
        "pool_id": "7",
        "regime": "per_number",
        "messaging_limit": limit,
        "headroom": 0.05,
        "limit_source": "meta",
        "limit_at": NOW,
    }


def test_a_pool_is_shown_with_a_forecast_of_24_hours_in_a_row() -> None:
    view = schemas.pool_view(pool_row(250), 240, [(0, 3), (23, 4)], NOW)
    assert (view["allowance"], view["remaining"]) == (237, 0)
    slots = [hour["slots"] for hour in view["forecast"]]
    assert slots == [3] + [0] * 22 + [4]
    edges = [(hour["from"], hour["until"]) for hour in view["forecast"]]
    assert edges[0][0] == NOW
    assert edges[-1][1] == NOW + timedelta(days=1)
    assert all(edges[at][1] == edges[at + 1][0] for at in range(23))


def test_an_unlimited_pool_has_no_numbers_to_run_out_of() -> None:
    view = schemas.pool_view(pool_row(UNLIMITED), 5, [], NOW)
    assert (view["messaging_limit"], view["allowance"], view["remaining"]) == (None, None, None)


LINE: dict[str, Any] = dict.fromkeys(
    (
        *("created_at", "app_id", "pool_id", "phone_number_id", "user_id", "type", "app_name"),
        *("template_name", "template_language", "category", "business_initiated", "decision"),
        *("rule", "retry_at", "state", "wamid", "code", "hold", "objections", "detail"),
        *("answered_at", "sent_at", "delivered_at", "read_at", "failed_at"),
    )
) | {"message_id": UUID(int=1)}


def test_a_message_is_known_by_32_hexadecimal_digits() -> None:
    assert schemas.message_view(LINE)["message_id"] == "0" * 31 + "1"


def test_a_story_lists_the_statuses_in_the_order_they_happened() -> None:
    story = schemas.story_view(
        LINE
        | {
            "sent_at": NOW + timedelta(seconds=2),
            "delivered_at": NOW + timedelta(seconds=1),
            "objections": '[{"rule":"pair_rate"}]',
        }
    )
    assert [each["status"] for each in story["statuses"]] == ["delivered", "sent"]
    assert story["verdict"]["objections"] == [{"rule": "pair_rate"}]
    assert schemas.story_view(LINE)["verdict"]["objections"] == []
