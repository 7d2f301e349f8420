"""The views of the admin API: numbers, pools and messages as operators are shown them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from gateway.policy.facts import allowance_of
from gateway.policy.number_clock import Standing, advance, status
from gateway.store.numbers import NumberRow
from gateway.whatsapp.number import UNLIMITED


def shown_limit(limit: int) -> int | None:
    """Return a messaging limit as JSON shows it: null for unlimited."""
    return None if limit >= UNLIMITED else limit


def number_view(row: NumberRow, now: datetime) -> dict[str, Any]:
    """Return a number as operators see it at `now`, clocks that have run out applied."""
    standing = advance(Standing(row.facts, row.messaging_limit), row.regime, now)
    facts = standing.number
    return {
        "phone_number_id": facts.phone_number_id,
        "display_phone_number": row.display_phone_number,
        "waba_id": facts.waba_id,
        "pool_id": facts.pool_id,
        "regime": row.regime,
        "status": status(facts, now),
        "quality_rating": facts.quality_rating,
        "messaging_limit": shown_limit(standing.messaging_limit),
        "throughput": row.throughput,
        "restricted_until": facts.restricted_until,
        "restricted_by": facts.restricted_by,
        "flagged_until": facts.flagged_until,
        "polled_at": row.polled_at,
    }


def pool_view(
    row: Mapping[str, Any], counted: int, forecast: list[tuple[int, int]], now: datetime
) -> dict[str, Any]:
    """Return a pool as operators see it: what is used, what is left, when more comes free."""
    limit, headroom = row["messaging_limit"], row["headroom"]
    allowance = allowance_of(limit, headroom)
    remaining = None if allowance >= UNLIMITED else max(allowance - counted, 0)
    slots = dict(forecast)
    return {
        "pool_id": row["pool_id"],
        "regime": row["regime"],
        "messaging_limit": shown_limit(limit),
        "limit_source": row["limit_source"],
        "limit_at": row["limit_at"],
        "headroom": headroom,
        "allowance": shown_limit(allowance),
        "counted": counted,
        "remaining": remaining,
        "forecast": [
            {
                "from": now + timedelta(hours=hour),
                "until": now + timedelta(hours=hour + 1),
                "slots": slots.get(hour, 0),
            }
            for hour in range(24)
        ],
    }


def message_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return one line of the journal."""
    return {
        "message_id": row["message_id"].hex,
        **{
            name: row[name]
            for name in (
                "created_at",
                "app_id",
                "pool_id",
                "phone_number_id",
                "user_id",
                "type",
                "template_name",
                "template_language",
                "category",
                "business_initiated",
                "decision",
                "rule",
                "retry_at",
                "state",
                "wamid",
                "code",
            )
        },
    }


def story_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that is known of one message: verdict, outcome, statuses."""
    statuses = [
        {"status": name, "at": row[f"{name}_at"]}
        for name in ("sent", "delivered", "read", "failed")
        if row[f"{name}_at"] is not None
    ]
    return {
        **message_view(row),
        "app_name": row["app_name"],
        "hold": row["hold"],
        "verdict": {
            "decision": row["decision"],
            "rule": row["rule"],
            "retry_at": row["retry_at"],
            "objections": orjson.loads(row["objections"]) if row["objections"] else [],
        },
        "outcome": {
            "state": row["state"],
            "wamid": row["wamid"],
            "code": row["code"],
            "detail": row["detail"],
            "answered_at": row["answered_at"],
        },
        "statuses": sorted(statuses, key=lambda status: status["at"]),
    }
