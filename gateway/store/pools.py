"""The pools: which numbers share which messaging limit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from gateway.store.errors import UnknownPoolError
from gateway.store.queries import beside
from gateway.whatsapp.ids import PoolId
from gateway.whatsapp.number import Regime

SQL = beside(__file__)


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """What an operator says of a pool; the limit in unique users a moving 24 hours."""

    pool_id: PoolId
    regime: Regime
    messaging_limit: int
    headroom: float


class LimitSource(StrEnum):
    """Who has spoken the messaging limit."""

    OPERATOR = "operator"
    META = "meta"
    READING = "reading"
    """Meta's node, read: repeats what was said before, so it does not lift an operator's limit."""
    FLAGGED = "flagged"
    """Our own clock, after 7 days flagged."""


async def put(connection: Any, pool: PoolSettings, at: datetime, source: LimitSource) -> None:
    """Add a pool or change it; needs `quota.touch` in the same transaction."""
    await connection.execute(
        SQL["put"], pool.pool_id, pool.regime, pool.messaging_limit, at, pool.headroom, source
    )


async def set_limit(
    connection: Any, pool_id: PoolId, limit: int, source: LimitSource, at: datetime
) -> bool:
    """Set the messaging limit unless a later word is known; tell whether it changed."""
    is_reading = source is LimitSource.READING
    is_changed: bool | None = await connection.fetchval(
        SQL["set_limit"], pool_id, limit, source, at, is_reading
    )
    return bool(is_changed)


async def get(connection: Any, pool_id: PoolId) -> Mapping[str, Any]:
    """Return the row of a pool; UnknownPoolError when there is none."""
    row: Mapping[str, Any] | None = await connection.fetchrow(SQL["one"], pool_id)
    if row is None:
        raise UnknownPoolError(pool_id)
    return row


async def get_all(connection: Any) -> list[Mapping[str, Any]]:
    """Return the rows of all pools."""
    rows: list[Mapping[str, Any]] = await connection.fetch(SQL["all"])
    return rows
