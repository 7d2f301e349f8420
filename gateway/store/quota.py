"""The ledger: reserves, releases and expires the slots of the messaging limit."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from gateway.policy.fold import Folded
from gateway.policy.parcel import ParcelState
from gateway.store import outbox
from gateway.store.facts import PoolVersion, hour_of, written_said
from gateway.store.outbox import Lease, ParcelRow
from gateway.store.queries import beside
from gateway.store.rows import as_json
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId

SQL = beside(__file__)


class JournalRow(NamedTuple):
    """One message as the journal first sees it."""

    pool_id: PoolId
    message_id: UUID
    created_at: datetime
    app_id: str
    phone_number_id: PhoneNumberId
    user_id: UserId
    type: str
    template_name: str | None
    template_language: str | None
    category: str | None
    business_initiated: bool
    decision: str
    rule: str | None
    retry_at: datetime | None
    objections: str | None
    state: str
    hold: str | None
    correlated: bool
    code: int | None
    detail: str | None


class ReleasedRow(NamedTuple):
    """What the desk has decided about a parcel that was claimed on `lease`.

    `due_at` None: it keeps its place among those that wait.
    """

    journal: JournalRow
    lease: Lease
    parcel_state: ParcelState
    due_at: datetime | None
    topic: str


class BatchRows(NamedTuple):
    """What is written of each message: `parcels` are new in the outbox, `released` come from it.

    `journal` holds the new messages; those that come from the outbox are in it already.
    """

    journal: Sequence[JournalRow]
    parcels: Sequence[ParcelRow] = ()
    released: Sequence[ReleasedRow] = ()


class Reserved(NamedTuple):
    """The pools that were written, and the claims that were not: their lease is over."""

    pools: set[PoolId]
    lost: set[tuple[UUID, Lease]]


async def reserve(
    connection: Any,
    pools: Mapping[PoolId, PoolVersion],
    folded: Folded,
    rows: BatchRows,
    number_pools: Mapping[PhoneNumberId, PoolId],
) -> Reserved:
    """Write a folded batch.

    A pool that is missing from the answer has moved on since its facts were read: nothing of it
    was written, and its messages have to be decided again. A message that is lost must not be sent.
    """
    changed = {number_pools[number] for number in {*folded.restricted, *folded.probes}}
    lists: tuple[list[dict[str, Any]], ...] = (
        [
            {
                "pool_id": pool_id,
                "version": seen.version,
                "added": folded.added.get(pool_id, 0),
                "restricts": pool_id in changed,
                "at": folded.at,
            }
            for pool_id, seen in pools.items()
        ],
        [
            {"pool_id": pool_id, "user_id": user_id, **slot._asdict()}
            for (pool_id, user_id), slot in folded.reached.items()
        ],
        [
            {
                "pool_id": contact[0],
                "phone_number_id": contact[1],
                "user_id": contact[2],
                "pair_tat": tat,
                "recent": written_said(folded.recent.get(contact, ())),
            }
            for contact, tat in folded.pair_tats.items()
        ],
        _numbers(folded, number_pools),
        [dict(zip(JournalRow._fields, row, strict=True)) for row in rows.journal],
        [
            {"pool_id": pool_id, "content": content, "hour_at": hour_of(folded.at), "users": users}
            for (pool_id, content), users in folded.spread.items()
        ],
    )
    documents = [as_json(each) for each in lists]
    parcels = as_json([outbox.document(row) for row in rows.parcels])
    released = as_json([_released(row) for row in rows.released])
    found = await connection.fetch(SQL["reserve"], *documents, folded.left_by, parcels, released)
    written = {row["pool_id"] for row in found if row["pool_id"] is not None}
    taken = {(row["taken"], row["leased_by"], row["leased_until"]) for row in found}
    lost = {
        (row.journal.message_id, row.lease)
        for row in rows.released
        if row.journal.pool_id in written
        and (row.journal.message_id, row.lease.process_id, row.lease.until) not in taken
    }
    return Reserved(written, lost)


def _released(row: ReleasedRow) -> dict[str, Any]:
    return row.journal._asdict() | {
        "leased_by": row.lease.process_id,
        "leased_until": row.lease.until,
        "parcel_state": row.parcel_state,
        "due_at": row.due_at,
        "topic": row.topic,
    }


def _numbers(folded: Folded, number_pools: Mapping[PhoneNumberId, PoolId]) -> list[dict[str, Any]]:
    """Return what a batch changes about numbers, a row each."""
    minute = folded.at.minute // 10 * 10
    bucket_at = folded.at.replace(minute=minute, second=0, microsecond=0)
    rows = []
    for number in {*folded.restricted, *folded.probes, *folded.started}:
        paces, started = folded.paces.get(number), folded.started.get(number)
        rows.append(
            {
                "pool_id": number_pools[number],
                "phone_number_id": number,
                "restricted_until": folded.restricted.get(number),
                "spam_until": folded.probes.get(number),
                "bucket_at": bucket_at,
                "sends": started.sends if started else 0,
                "new_users": started.new_users if started else 0,
                **(paces._asdict() if paces else {}),
            }
        )
    return rows


async def lock(connection: Any, pool_ids: Sequence[PoolId]) -> None:
    """Keep every other writer of these pools out until the transaction ends."""
    await connection.execute(SQL["lock"], pool_ids)


async def touch(connection: Any, pool_ids: Sequence[PoolId]) -> None:
    """Tell every process that numbers, restrictions, templates or limits of pools have changed."""
    await connection.execute(SQL["lock"], pool_ids)
    await connection.execute(SQL["touch"], pool_ids)


async def expire(connection: Any, pool_id: PoolId, before: datetime, now: datetime) -> None:
    """Take users last reached at or before `before` out of the ledger."""
    await connection.execute(SQL["expire"], pool_id, before, now)


async def release(
    connection: Any, pool_id: PoolId, message_ids: Sequence[UUID], since: datetime
) -> None:
    """Give back the slots of messages proven never to arrive; needs a transaction.

    `since` is the start of the moving 24 hours: another message sent after it keeps the slot.
    """
    await connection.execute(SQL["lock"], [pool_id])
    await connection.execute(SQL["release"], pool_id, message_ids, since)
    await connection.execute(SQL["lift"], pool_id, message_ids)


async def restore(
    connection: Any, pool_id: PoolId, message_ids: Sequence[UUID], since: datetime
) -> None:
    """Count users again whose message arrived after it had been taken for failed."""
    await connection.execute(SQL["lock"], [pool_id])
    await connection.execute(SQL["restore"], pool_id, message_ids, since)


async def aged_pools(connection: Any, before: datetime) -> list[PoolId]:
    """Return the pools with ledger entries at or before `before`."""
    return [row["pool_id"] for row in await connection.fetch(SQL["aged"], before)]


async def forecast(
    connection: Any, pool_id: PoolId, now: datetime, window: timedelta
) -> list[tuple[int, int]]:
    """Return `(hour, slots)`: how many users leave the ledger in which hour from now (0 to 23)."""
    rows = await connection.fetch(SQL["forecast"], pool_id, now, window)
    return [(min(row["hour"], 23), row["slots"]) for row in rows]


async def counted(connection: Any, pool_id: PoolId, since: datetime) -> int:
    """Return how many users count right now."""
    count: int = await connection.fetchval(SQL["counted"], pool_id, since)
    return count
