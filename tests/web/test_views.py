import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from gateway.policy.decide import RULES
from gateway.policy.facts import NumberFacts
from gateway.policy.knobs import Knobs
from gateway.store.numbers import NumberRow
from gateway.web import views
from gateway.whatsapp.ids import PhoneNumberId, PoolId, WabaId
from gateway.whatsapp.number import UNLIMITED, NumberStatus, QualityRating, Regime

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
KNOBS = Knobs()


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
    running = views.number_view(row, KNOBS, NOW)
    assert (running["status"], running["restricted_until"]) == ("RESTRICTED", until)
    assert (running["messaging_limit"], running["restricted_by"]) == (1000, "ledger")
    over = views.number_view(row, KNOBS, until)
    assert (over["status"], over["restricted_until"], over["flagged_until"]) == (
        "CONNECTED",
        None,
        None,
    )
    assert over["messaging_limit"] == 250


def test_a_number_is_shown_with_the_rules_in_force_whoever_has_turned_them() -> None:
    process = Knobs(shadow=frozenset({"quality", "activity"}), off=frozenset({"template"}))
    row = replace(
        number_row(),
        pool_knobs={"rules": {"activity": "off", "repetition": "shadow"}},
        knobs={"rules": {"repetition": "enforce"}, "activity_growth": 5.0},
    )
    view = views.number_view(row, process, NOW)
    assert view["knobs"] == row.knobs
    assert view["rules"] == dict.fromkeys(RULES, "enforce") | {
        "quality": "shadow",
        "template": "off",
        "activity": "off",
    }
    assert view["activity"]["mode"] == "off"


def test_an_old_number_is_shown_with_what_it_may_start_in_an_ordinary_week() -> None:
    view = views.number_view(number_row(usual_users_hour=100, usual_sends_10m=150), KNOBS, NOW)
    usual = {"users_hour": 300, "sends_10m": 450, "users_day": None}
    assert view["activity"] == {
        "mode": "enforce",
        "phase": "usual",
        "since": None,
        "today": usual,
        "tomorrow": usual,
    }


def test_a_ramp_is_shown_with_its_beginning_and_tomorrows_step() -> None:
    since = NOW - timedelta(days=2)
    row = replace(number_row(active_since=since), knobs={"warm_up_users": 10})
    shown = views.number_view(row, KNOBS, NOW)["activity"]
    assert (shown["phase"], shown["since"]) == ("warm_up", since)
    assert (shown["today"]["users_day"], shown["tomorrow"]["users_day"]) == (25, 40)
    row = number_row(recovering_since=NOW, usual_users_day=500)
    shown = views.number_view(row, KNOBS, NOW)["activity"]
    assert (shown["phase"], shown["since"]) == ("recovery", NOW)
    assert (shown["today"]["users_day"], shown["tomorrow"]["users_day"]) == (100, 150)


def test_a_probing_number_says_so() -> None:
    view = views.number_view(number_row(spam_step=2, spam_until=NOW), KNOBS, NOW)
    assert (view["spam_step"], view["spam_until"]) == (2, NOW)


def pool_row(limit: int, **shares: Any) -> dict[str, Any]:
    return {
        "pool_id": "7",
        "regime": "per_number",
        "messaging_limit": limit,
        "headroom": 0.05,
        "limit_source": "meta",
        "limit_at": NOW,
        "knobs": '{"pair_capacity": 5}',
        "shares": json.dumps({name.replace("_", ":"): share for name, share in shares.items()}),
    }


def test_a_pool_is_shown_with_what_is_used_and_left_of_it() -> None:
    view = views.pool_view(pool_row(250), {}, 240)
    assert (view["allowance"], view["remaining"]) == (237, 0)
    assert (view["knobs"], view["shares"]) == ({"pair_capacity": 5}, {})


def test_a_forecast_is_of_24_hours_in_a_row() -> None:
    forecast = views.forecast_view([(0, 3), (23, 4)], NOW)["forecast"]
    assert [hour["slots"] for hour in forecast] == [3] + [0] * 22 + [4]
    edges = [(hour["from"], hour["until"]) for hour in forecast]
    assert edges[0][0] == NOW
    assert edges[-1][1] == NOW + timedelta(days=1)
    assert all(edges[at][1] == edges[at + 1][0] for at in range(23))


def test_whoever_has_part_of_a_pool_is_shown_with_it() -> None:
    row = pool_row(1000, class_marketing={"cap": 0.8}, app_shop={"reserve": 0.2, "cap": 0.5})
    usage = {"class:marketing": 650, "class:utility": 60, "app:shop": 10, "app:crm": 700}
    shares = views.pool_view(row, usage, 710)["shares"]
    assert list(shares) == sorted(usage)
    assert shares["class:marketing"] == {
        "reserve": 0.0,
        "cap": 0.8,
        "counted": 650,
        "reserve_users": 0,
        "cap_users": 800,
        "room": 950 - 710 - 190,
    }
    assert shares["app:shop"]["room"] == 950 - 710
    assert (shares["app:shop"]["reserve_users"], shares["app:shop"]["cap_users"]) == (200, 500)
    assert (shares["app:crm"]["cap"], shares["app:crm"]["room"]) == (1.0, 50)


def test_at_its_cap_or_at_the_limit_there_is_no_room() -> None:
    row = pool_row(1000, class_marketing={"cap": 0.1})
    capped = views.pool_view(row, {"class:marketing": 120}, 120)["shares"]
    assert capped["class:marketing"]["room"] == 0
    full = views.pool_view(row, {"class:utility": 960}, 960)["shares"]
    assert [share["room"] for share in full.values()] == [0, 0]


def test_an_unlimited_pool_has_no_numbers_to_run_out_of() -> None:
    view = views.pool_view(pool_row(UNLIMITED, class_marketing={"cap": 0.8}), {}, 5)
    assert (view["messaging_limit"], view["allowance"], view["remaining"]) == (None, None, None)
    share = view["shares"]["class:marketing"]
    assert (share["cap_users"], share["reserve_users"], share["room"]) == (None, None, None)


LINE: dict[str, Any] = dict.fromkeys(
    (
        *("created_at", "app_id", "pool_id", "phone_number_id", "user_id", "type", "app_name"),
        *("template_name", "template_language", "category", "business_initiated", "decision"),
        *("rule", "retry_at", "state", "wamid", "code", "hold", "objections", "detail"),
        *("answered_at", "sent_at", "delivered_at", "read_at", "failed_at"),
        *("resend_of", "resent_as"),
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
            "resent_as": UUID(int=7),
            "objections": '[{"rule":"pair_rate"}]',
        }
    )
    assert [each["status"] for each in story["statuses"]] == ["delivered", "sent"]
    assert (story["resend_of"], story["resent_as"]) == (None, UUID(int=7).hex)
    assert story["verdict"]["objections"] == [{"rule": "pair_rate"}]
    assert views.story_view(LINE)["verdict"]["objections"] == []
