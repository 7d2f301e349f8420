"""The inbox: deliveries from Meta, kept as they came until they are digested."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from gateway.store.queries import beside

SQL = beside(__file__)


class Delivered(NamedTuple):
    """One delivery as it came."""

    delivery_id: int
    received_at: datetime
    body: bytes


async def append(connection: Any, received_at: datetime, body: bytes) -> None:
    """Keep a delivery; it is durable when this returns."""
    await connection.execute(SQL["append"], received_at, body)


async def claim(connection: Any, most: int) -> list[Delivered]:
    """Take undigested deliveries, oldest first; they are ours until the transaction ends."""
    return [Delivered(*row) for row in await connection.fetch(SQL["claim"], most)]


async def mark_digested(
    connection: Any, at: datetime, problems: Sequence[tuple[int, str | None]]
) -> None:
    """Close deliveries, each with the problem it gave, if any."""
    await connection.execute(
        SQL["done"],
        at,
        [delivery_id for delivery_id, _ in problems],
        [problem for _, problem in problems],
    )


async def problems(connection: Any, before: int | None, limit: int) -> list[Mapping[str, Any]]:
    """Return deliveries that could not be read in full, newest first."""
    rows: list[Mapping[str, Any]] = await connection.fetch(SQL["problems"], before, limit)
    return rows


async def backlog(connection: Any) -> int:
    """Return how many deliveries wait to be digested."""
    count: int = await connection.fetchval(SQL["backlog"])
    return count


async def oldest(connection: Any) -> datetime | None:
    """Return when the oldest delivery came that waits to be digested, None where none does."""
    at: datetime | None = await connection.fetchval(SQL["oldest"])
    return at
