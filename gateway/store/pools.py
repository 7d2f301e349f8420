"""The pools: which numbers share which messaging limit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from gateway.policy.shares import Holder
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


@dataclass(frozen=True, slots=True)
class PoolChange:
    """What an operator changes of a pool; None stays. `knobs` and `shares` are whole."""

    regime: Regime | None = None
    messaging_limit: int | None = None
    headroom: float | None = None
    knobs: Mapping[str, Any] | None = None
    shares: Mapping[str, Any] | None = None


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


async def change(connection: Any, pool_id: PoolId, wanted: PoolChange, at: datetime) -> None:
    """Change a pool as an operator wants it; needs `quota.touch` in the same transaction."""
    await connection.execute(
        SQL["change"],
        pool_id,
        wanted.regime,
        wanted.messaging_limit,
        at,
        wanted.headroom,
        _document(wanted.knobs),
        _document(wanted.shares),
    )


async def usage(connection: Any, pool_id: PoolId) -> dict[Holder, int]:
    """Return how many slots of a pool each class and each app holds, where it holds any."""
    rows = await connection.fetch(SQL["usage"], pool_id)
    return {row["holder"]: row["counted"] for row in rows}


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


def _document(content: Mapping[str, Any] | None) -> str | None:
    return None if content is None else orjson.dumps(content).decode()
