"""The views of the admin API: numbers, pools and messages as operators are shown them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from gateway.policy.decide import RULES
from gateway.policy.facts import allowance_of
from gateway.policy.knobs import Knobs
from gateway.policy.number_clock import Standing, advance, status
from gateway.policy.paces import DAY, Allowance, Phase
from gateway.policy.ramp import allowance
from gateway.policy.shares import Holder, Share, kept_for_others, slots_of
from gateway.policy.turning import Mode, turned
from gateway.store.numbers import NumberRow
from gateway.whatsapp.number import UNLIMITED


def shown_limit(limit: int) -> int | None:
    """Return a messaging limit as JSON shows it: null for unlimited."""
    return None if limit >= UNLIMITED else limit


def number_view(row: NumberRow, knobs: Knobs, now: datetime) -> dict[str, Any]:
    """Return a number as operators see it at `now`, clocks that have run out applied.

    `knobs` are those of the process, over which pool and number have turned theirs.
    """
    in_force = turned(knobs, row.pool_knobs, row.knobs)
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
        "spam_until": facts.spam_until,
        "spam_step": facts.spam_step,
        "polled_at": row.polled_at,
        "knobs": row.knobs,
        "rules": {rule: mode_of(rule, in_force) for rule in RULES},
        "activity": activity_view(standing, in_force, now),
    }


def mode_of(rule: str, knobs: Knobs) -> Mode:
    """Return what becomes of the objections of a rule."""
    if rule in knobs.off:
        return "off"
    return "shadow" if rule in knobs.shadow else "enforce"


def activity_view(standing: Standing, knobs: Knobs, now: datetime) -> dict[str, Any]:
    """Return what a number may start today and tomorrow, and which curve holds it since when."""
    number, limit = standing
    today, tomorrow = (allowance(number, limit, knobs, at) for at in (now, now + DAY))
    began = {Phase.WARM_UP: number.active_since, Phase.RECOVERY: number.recovering_since}
    return {
        "mode": mode_of("activity", knobs),
        "phase": today.phase,
        "since": began.get(today.phase),
        "today": _allowance_view(today),
        "tomorrow": _allowance_view(tomorrow),
    }


def _allowance_view(allowed: Allowance) -> dict[str, Any]:
    return {
        "users_hour": allowed.users_hour,
        "sends_10m": allowed.sends_10m,
        "users_day": allowed.users_day,
    }


def pool_view(row: Mapping[str, Any], usage: Mapping[Holder, int], counted: int) -> dict[str, Any]:
    """Return a pool as operators see it: what is used of it, by whom, and what is left."""
    limit, headroom = row["messaging_limit"], row["headroom"]
    allowed = allowance_of(limit, headroom)
    remaining = None if allowed >= UNLIMITED else max(allowed - counted, 0)
    shares = {holder: Share(**each) for holder, each in orjson.loads(row["shares"]).items()}
    return {
        "pool_id": row["pool_id"],
        "regime": row["regime"],
        "messaging_limit": shown_limit(limit),
        "limit_source": row["limit_source"],
        "limit_at": row["limit_at"],
        "headroom": headroom,
        "allowance": shown_limit(allowed),
        "counted": counted,
        "remaining": remaining,
        "knobs": orjson.loads(row["knobs"]),
        "shares": {
            holder: _share_view(holder, shares, usage, (limit, allowed, counted))
            for holder in sorted({*shares, *usage})
        },
    }


def _share_view(
    holder: Holder,
    shares: Mapping[Holder, Share],
    usage: Mapping[Holder, int],
    limits: tuple[int, int, int],
) -> dict[str, Any]:
    """Return what a holder has of a pool; `limits` as in `shares.obstacle`.

    `room` is what it could take now if nobody else took anything, null where there is no end.
    """
    limit, allowed, counted = limits
    share, own = shares.get(holder, Share()), usage.get(holder, 0)
    view = {**share._asdict(), "counted": own}
    if limit >= UNLIMITED:
        return view | dict.fromkeys(("reserve_users", "cap_users", "room"))
    cap_users = slots_of(share.cap, limit)
    kept = kept_for_others(shares, usage, (holder,), limit)
    return view | {
        "reserve_users": slots_of(share.reserve, limit),
        "cap_users": cap_users,
        "room": max(min(cap_users - own, allowed - counted - kept), 0),
    }


def forecast_view(forecast: list[tuple[int, int]], now: datetime) -> dict[str, Any]:
    """Return when how many slots come free, hour by hour for a day."""
    slots = dict(forecast)
    return {
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
        "resend_of": _hex(row["resend_of"]),
        "resent_as": _hex(row["resent_as"]),
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


def _hex(message_id: UUID | None) -> str | None:
    return None if message_id is None else message_id.hex
