from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from gateway.policy.facts import NumberFacts
from gateway.store.numbers import NumberRow
from gateway.web import views
from gateway.whatsapp.ids import PhoneNumberId, PoolId, WabaId
from gateway.whatsapp.number import UNLIMITED, NumberStatus, QualityRating, Regime

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


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
    running = views.number_view(row, NOW)
    assert (running["status"], running["restricted_until"]) == ("RESTRICTED", until)
    assert (running["messaging_limit"], running["restricted_by"]) == (1000, "ledger")
    over = views.number_view(row, until)
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
    view = views.pool_view(pool_row(250), 240, [(0, 3), (23, 4)], NOW)
    assert (view["allowance"], view["remaining"]) == (237, 0)
    slots = [hour["slots"] for hour in view["forecast"]]
    assert slots == [3] + [0] * 22 + [4]
    edges = [(hour["from"], hour["until"]) for hour in view["forecast"]]
    assert edges[0][0] == NOW
    assert edges[-1][1] == NOW + timedelta(days=1)
    assert all(edges[at][1] == edges[at + 1][0] for at in range(23))


def test_an_unlimited_pool_has_no_numbers_to_run_out_of() -> None:
    view = views.pool_view(pool_row(UNLIMITED), 5, [], NOW)
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
    assert views.message_view(LINE)["message_id"] == "0" * 31 + "1"


def test_a_story_lists_the_statuses_in_the_order_they_happened() -> None:
    story = views.story_view(
        LINE
        | {
            "sent_at": NOW + timedelta(seconds=2),
            "delivered_at": NOW + timedelta(seconds=1),
            "objections": '[{"rule":"pair_rate"}]',
        }
    )
    assert [each["status"] for each in story["statuses"]] == ["delivered", "sent"]
    assert story["verdict"]["objections"] == [{"rule": "pair_rate"}]
    assert views.story_view(LINE)["verdict"]["objections"] == []
