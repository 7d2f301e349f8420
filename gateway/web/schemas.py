"""The bodies of the admin API: what operators send, checked, and what they are shown."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from gateway.policy.facts import allowance_of
from gateway.policy.number_clock import Standing, advance, status
from gateway.store.numbers import NumberRow
from gateway.whatsapp.number import UNLIMITED

ID: Final = r"^[A-Za-z0-9_.:-]{1,64}$"
VISIBLE: Final = r"^[!-~]{1,4096}$"  # what may stand in a header


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def given(self) -> dict[str, Any]:
        """Return what was said, without what was left to its default."""
        return self.model_dump(exclude_unset=True)


class PoolBody(_Body):
    """`POST /admin/v1/pools/{id}`: `messaging_limit` in users in 24 h, null for unlimited."""

    regime: Literal["per_number", "portfolio"]
    messaging_limit: int | None = Field(gt=0, lt=UNLIMITED)
    headroom: float = Field(0.05, ge=0, lt=1)


class NumberBody(_Body):
    """`POST /admin/v1/numbers`; `access_token` goes to the vault and is never shown again."""

    phone_number_id: str = Field(pattern=ID)
    pool_id: str = Field(pattern=ID)
    waba_id: str = Field(pattern=ID)
    display_phone_number: str = Field(pattern=r"^\+?[0-9 ().-]{5,32}$")
    throughput: int = Field(80, ge=1, le=1_000_000)
    access_token: str | None = Field(None, pattern=VISIBLE)


class AppPatch(_Body):
    """`PATCH /admin/v1/apps/{id}`; `wait_s` null: as long as the process lets callers wait."""

    name: str = Field("", min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    wait_s: float | None = Field(None, ge=0, le=600)
    joins_retries: bool = True


class AppBody(AppPatch):
    """`POST /admin/v1/apps`; with `meta_token` the app is known by the token it passes through."""

    app_id: str = Field(pattern=ID)
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    meta_token: str | None = Field(None, pattern=VISIBLE)


class ClockBody(_Body):
    """`POST /admin/v1/sandbox/clock`: seconds to move ahead."""

    advance_s: float = Field(ge=0, le=366 * 86_400)


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
