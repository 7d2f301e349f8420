"""The outbox: what waits here to be sent, who has claimed it, and what became of it."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from gateway.policy.parcel import ParcelState
from gateway.policy.send_class import SendClass
from gateway.store.queries import beside
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId, WabaId

SQL = beside(__file__)


class ParkedRow(NamedTuple):
    """A message that is parked without having been decided on, for journal and outbox."""

    pool_id: PoolId
    message_id: UUID
    phone_number_id: PhoneNumberId
    waba_id: str
    user_id: UserId
    app_id: str
    send_class: SendClass
    rank: int
    path: str
    sealed: bytes
    resends: bool
    due_at: datetime
    expires_at: datetime
    rule: str | None
    detail: str | None
    parked_at: datetime
    type: str
    template_name: str | None
    template_language: str | None
    category: str | None
    code: int | None


class ParcelRow(NamedTuple):
    """A parcel as the desk puts it into the outbox: parked, or sending and to be kept."""

    pool_id: PoolId
    message_id: UUID
    phone_number_id: PhoneNumberId
    waba_id: str
    user_id: UserId
    app_id: str
    send_class: SendClass
    rank: int
    path: str
    sealed: bytes
    resends: bool
    state: ParcelState
    due_at: datetime
    expires_at: datetime
    rule: str | None
    detail: str | None
    attempts: int
    parked_at: datetime


class ReleasedRow(NamedTuple):
    """What the desk has decided about a parcel that `leased_by` had claimed."""

    pool_id: PoolId
    message_id: UUID
    state: ParcelState
    due_at: datetime | None
    rule: str | None
    detail: str | None
    leased_by: UUID


class Claimed(NamedTuple):
    """A parcel that this process is to send; `attempts` counts this one."""

    pool_id: PoolId
    message_id: UUID
    phone_number_id: PhoneNumberId
    waba_id: WabaId
    user_id: UserId
    app_id: str
    send_class: SendClass
    path: str
    sealed: bytes
    resends: bool
    expires_at: datetime
    attempts: int


class Due(NamedTuple):
    """A parcel that waits (again), until when and why."""

    pool_id: PoolId
    message_id: UUID
    due_at: datetime
    rule: str | None
    detail: str | None


async def park(connection: Any, rows: Sequence[ParkedRow]) -> None:
    """Write messages to journal and outbox, all or none."""
    documents = [document(row) for row in rows]
    await connection.execute(SQL["park"], orjson.dumps(documents).decode())


def document(row: ParkedRow | ParcelRow) -> dict[str, Any]:
    """Return a row as the queries read it."""
    return row._asdict() | {"sealed": base64.b64encode(row.sealed).decode()}


async def numbers_due(connection: Any, now: datetime) -> list[tuple[PhoneNumberId, int]]:
    """Return the numbers with something due, and their throughput in messages a second."""
    rows = await connection.fetch(SQL["numbers_due"], now)
    return [(row["phone_number_id"], row["throughput"]) for row in rows]


class Lease(NamedTuple):
    """Who claims, when, and until when nobody else may."""

    process_id: UUID
    now: datetime
    until: datetime


async def claim(
    connection: Any, phone_number_id: PhoneNumberId, most: int, lease: Lease
) -> list[Claimed]:
    """Claim at most so many parcels that are due, in the order in which they should go."""
    rows = await connection.fetch(
        SQL["claim"], phone_number_id, lease.now, most, lease.process_id, lease.until
    )
    rows = sorted(rows, key=lambda row: (row["rank"], row["due_at"], row["message_id"]))
    return [_claimed(row) for row in rows]


def _claimed(row: Any) -> Claimed:
    # The driver's ids are of a class of their own, which JSON cannot be written from.
    message_id = UUID(int=row["message_id"].int)
    fields = {name: row[name] for name in Claimed._fields}
    fields |= {"message_id": message_id, "send_class": SendClass(row["send_class"])}
    return Claimed(**fields)


async def put_back(connection: Any, waiting: Sequence[Due], process_id: UUID) -> None:
    """Let what this process had claimed wait (again)."""
    await connection.execute(SQL["put_back"], _document(waiting), process_id)


async def rescue(connection: Any, now: datetime) -> int:
    """Free what processes that are gone had claimed; return how many."""
    return _count(await connection.execute(SQL["rescue"], now))


async def attempts(connection: Any, keys: Sequence[tuple[PoolId, UUID]]) -> dict[UUID, int]:
    """Return which attempt each of these is on its way for; those that are not are left out."""
    rows = await connection.fetch(SQL["attempts"], _keys(keys))
    return {row["message_id"]: row["attempts"] for row in rows}


async def finish(connection: Any, done: Sequence[tuple[PoolId, UUID]]) -> None:
    """Take out parcels whose outcome is final."""
    await connection.execute(SQL["finish"], _keys(done))


async def again(connection: Any, waiting: Sequence[Due]) -> None:
    """Let what Meta refused for now wait until it is tried again."""
    await connection.execute(SQL["again"], _document(waiting))


async def bury(connection: Any, dead: Sequence[Due]) -> None:
    """Keep what will never be sent, with the reason, for a person to look at."""
    await connection.execute(SQL["bury"], _document(dead))


async def expire(connection: Any, now: datetime, most: int) -> list[tuple[PoolId, UUID, str]]:
    """Take out at most so many whose time is over; return pool, message and app of each."""
    rows = await connection.fetch(SQL["expire"], now, most)
    return [(row["pool_id"], row["message_id"], row["app_id"]) for row in rows]


def _document(rows: Sequence[Due]) -> str:
    return orjson.dumps([row._asdict() for row in rows]).decode()


def _keys(keys: Sequence[tuple[PoolId, UUID]]) -> str:
    pairs = [{"pool_id": pool_id, "message_id": message_id} for pool_id, message_id in keys]
    return orjson.dumps(pairs).decode()


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])
