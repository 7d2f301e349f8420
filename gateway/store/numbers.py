"""The business numbers: where they stand, and what restricts them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from gateway.policy.facts import NumberFacts, RestrictionFacts
from gateway.policy.paces import DAY, HOUR, TEN_MINUTES
from gateway.policy.recovery import released
from gateway.store.errors import UnknownNumberError
from gateway.store.queries import beside
from gateway.whatsapp.ids import PhoneNumberId, PoolId, WabaId
from gateway.whatsapp.number import NumberStatus, QualityRating, Regime
from gateway.whatsapp.restriction import RestrictionType

SQL = beside(__file__)


@dataclass(frozen=True, slots=True)
class NumberRow:
    """One number with its pool's limit; `throughput` in messages a second.

    `knobs` and `pool_knobs` are what an operator has turned for the number and for its pool.
    """

    facts: NumberFacts
    display_phone_number: str
    throughput: int
    status_at: datetime
    quality_at: datetime
    polled_at: datetime | None
    regime: Regime
    messaging_limit: int
    headroom: float
    counted: int
    knobs: Mapping[str, Any] = field(default_factory=dict)
    pool_knobs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NumberSettings:
    """What an operator says of a number; `active_since` None leaves it as it is."""

    phone_number_id: PhoneNumberId
    pool_id: PoolId
    waba_id: WabaId
    display_phone_number: str
    throughput: int
    active_since: datetime | None = None


class Used(NamedTuple):
    """What a number has started in the last hour, 10 minutes and 24 hours."""

    users_hour: int
    sends_10m: int
    users_day: int


async def get_all(connection: Any) -> list[NumberRow]:
    """Return every number."""
    return [_row(row) for row in await connection.fetch(SQL["all"])]


async def get(connection: Any, phone_number_id: PhoneNumberId) -> NumberRow:
    """Return one number; UnknownNumberError when there is none."""
    row = await connection.fetchrow(SQL["one"], phone_number_id)
    if row is None:
        raise UnknownNumberError(phone_number_id)
    return _row(row)


async def of_waba(connection: Any, waba_id: WabaId) -> list[NumberRow]:
    """Return the numbers of a WABA."""
    return [_row(row) for row in await connection.fetch(SQL["of_waba"], waba_id)]


async def put(connection: Any, number: NumberSettings, at: datetime) -> None:
    """Add a number or change it; needs `quota.touch` of its pool in the same transaction."""
    await connection.execute(SQL["put_waba"], number.waba_id)
    await connection.execute(
        SQL["put_number"],
        number.phone_number_id,
        number.pool_id,
        number.waba_id,
        number.display_phone_number,
        at,
        number.throughput,
        number.active_since,
    )


async def turn(connection: Any, phone_number_id: PhoneNumberId, knobs: Mapping[str, Any]) -> None:
    """Keep what is turned for a number; needs `quota.touch` of its pool in the transaction."""
    await connection.execute(SQL["turn"], phone_number_id, orjson.dumps(knobs).decode())


async def used(connection: Any, number: NumberFacts, now: datetime) -> Used:
    """Return what a number has started lately, by the ten minutes that began since then."""
    row = await connection.fetchrow(
        SQL["used"],
        number.pool_id,
        number.phone_number_id,
        now - HOUR,
        now - TEN_MINUTES,
        now - DAY,
    )
    return Used(*row)


async def save(connection: Any, number: NumberRow) -> None:
    """Write where a number stands; needs `quota.touch` of its pool in the same transaction."""
    facts = number.facts
    await connection.execute(
        SQL["save"],
        facts.phone_number_id,
        facts.status,
        number.status_at,
        facts.quality_rating,
        number.quality_at,
        number.throughput,
        facts.flagged_until,
        facts.restricted_until,
        facts.restricted_by,
        number.polled_at,
        facts.recovering_since,
    )


async def due(connection: Any, now: datetime) -> list[PhoneNumberId]:
    """Return the numbers whose RESTRICTED or FLAGGED clock has run out."""
    return [row["phone_number_id"] for row in await connection.fetch(SQL["due"], now)]


async def put_restriction(
    connection: Any, waba_id: WabaId, kind: str, until: datetime | None, at: datetime
) -> None:
    """Remember a policy restriction; a later announcement of the same kind replaces it."""
    await connection.execute(SQL["put_restriction"], waba_id, kind, until, at)


async def due_accounts(connection: Any, now: datetime) -> list[WabaId]:
    """Return the WABAs of which a restriction has ended."""
    return [row["waba_id"] for row in await connection.fetch(SQL["due_accounts"], now)]


async def end_restrictions(connection: Any, waba_id: WabaId, now: datetime) -> None:
    """Forget the restrictions of a WABA that have ended, and let its numbers recover.

    Needs `quota.touch` of its pools in the same transaction.
    """
    ended = await connection.fetch(SQL["end_restrictions"], waba_id, now)
    await _recover(connection, waba_id, ended, now)


async def lift_restrictions(connection: Any, waba_id: WabaId, at: datetime) -> None:
    """Forget what was announced about a WABA up to `at`, and let its numbers recover.

    Needs `quota.touch` of its pools in the same transaction.
    """
    lifted = await connection.fetch(SQL["lift_restrictions"], waba_id, at)
    await _recover(connection, waba_id, lifted, at)


async def _recover(
    connection: Any, waba_id: WabaId, rows: Sequence[Mapping[str, Any]], at: datetime
) -> None:
    ended = [
        RestrictionFacts(RestrictionType.of(row["restriction_type"]), row["restricted_until"])
        for row in rows
    ]
    if (since := released(None, ended, at)) is not None:
        await connection.execute(SQL["recover"], waba_id, since)


async def restrictions(connection: Any, waba_id: WabaId) -> list[Mapping[str, Any]]:
    """Return the restrictions of a WABA."""
    rows: list[Mapping[str, Any]] = await connection.fetch(SQL["restrictions"], waba_id)
    return rows


def number_facts(row: Any) -> NumberFacts:
    """Read what a decision needs from a row of `numbers`."""
    return NumberFacts(
        phone_number_id=PhoneNumberId(row["phone_number_id"]),
        pool_id=PoolId(row["pool_id"]),
        waba_id=WabaId(row["waba_id"]),
        status=NumberStatus.of(row["status"]),
        quality_rating=QualityRating.of(row["quality_rating"]),
        flagged_until=row["flagged_until"],
        restricted_until=row["restricted_until"],
        restricted_by=row["restricted_by"],
        active_since=row["active_since"],
        recovering_since=row["recovering_since"],
        usual_users_hour=row["usual_users_hour"],
        usual_users_day=row["usual_users_day"],
        usual_sends_10m=row["usual_sends_10m"],
        spam_step=row["spam_step"],
        spam_until=row["spam_until"],
    )


def _row(row: Any) -> NumberRow:
    return NumberRow(
        facts=number_facts(row),
        display_phone_number=row["display_phone_number"],
        throughput=row["throughput"],
        status_at=row["status_at"],
        quality_at=row["quality_at"],
        polled_at=row["polled_at"],
        regime=Regime(row["regime"]),
        messaging_limit=row["messaging_limit"],
        headroom=row["headroom"],
        counted=row["counted"],
        knobs=orjson.loads(row["knobs"]),
        pool_knobs=orjson.loads(row["pool_knobs"]),
    )
