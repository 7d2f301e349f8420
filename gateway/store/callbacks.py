"""Events that apps are owed: claimed, delivered, tried again, given up. A trigger writes them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from gateway.store.queries import beside
from gateway.whatsapp.ids import PoolId

SQL = beside(__file__)
KEPT: Final = timedelta(days=30)
"""How long what was given up is kept for a person to look at."""


class Endpoint(NamedTuple):
    """Where an app is told, and the sealed secret that signs what it is told."""

    app_id: str
    url: str
    sealed_secret: bytes


class Owed(NamedTuple):
    """An event that this process is to deliver; `attempts` counts this one."""

    pool_id: PoolId
    message_id: UUID
    event_id: UUID
    app_id: str
    attempts: int
    first_at: datetime


class Missed(NamedTuple):
    """Why an event was not taken, and when to try again; given up at an hour, or not."""

    problem: str
    due_at: datetime
    gave_up_at: datetime | None


async def endpoints(connection: Any) -> list[Endpoint]:
    """Return where apps want to be told."""
    return [Endpoint(*row) for row in await connection.fetch(SQL["endpoints"])]


async def claim(
    connection: Any, most: Mapping[str, int], now: datetime, until: datetime
) -> list[Owed]:
    """Claim what is due, so many of each app, on a lease until an hour."""
    rows = await connection.fetch(SQL["claim"], list(most), list(most.values()), now, until)
    return [Owed(**row) for row in rows]


async def done(connection: Any, owed: Owed) -> None:
    """Forget an event that was taken; nothing happens when there is a later one."""
    await connection.execute(SQL["done"], *owed[:3])


async def failed(connection: Any, owed: Owed, missed: Missed) -> None:
    """Note that an event was not taken; nothing happens when there is a later one."""
    await connection.execute(
        SQL["failed"], *owed[:3], missed.due_at, missed.problem, missed.gave_up_at
    )


async def page(
    connection: Any, app_id: str | None, limit: int, *, gave_up: bool | None
) -> list[Mapping[str, Any]]:
    """Return events that are owed, the oldest first."""
    rows: list[Mapping[str, Any]] = await connection.fetch(SQL["page"], app_id, gave_up, limit)
    return rows


async def count(connection: Any) -> list[Mapping[str, Any]]:
    """Count the events that are owed, by app and whether they were given up."""
    rows: list[Mapping[str, Any]] = await connection.fetch(SQL["count"])
    return rows


async def redrive(connection: Any, app_id: str | None, now: datetime) -> int:
    """Try again what was given up, of one app or of all; return how many."""
    tag: str = await connection.execute(SQL["redrive"], app_id, now)
    return int(tag.rpartition(" ")[2])


async def drop(connection: Any, app_id: str) -> None:
    """Owe an app nothing any more."""
    await connection.execute(SQL["drop"], app_id)


async def forget(connection: Any, now: datetime) -> int:
    """Forget what was given up long ago; return how many."""
    tag: str = await connection.execute(SQL["forget"], now - KEPT)
    return int(tag.rpartition(" ")[2])
