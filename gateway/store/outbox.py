"""The outbox: what waits here to be sent, who has claimed it, and what became of it."""

import base64
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from gateway.policy.parcel import RANKS, ParcelState
from gateway.policy.send_class import SendClass
from gateway.store.queries import beside
from gateway.store.rows import as_json
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId, WabaId

SQL = beside(__file__)
MOST_AT_ONCE: Final = 1000
DEAD_KEPT: Final = timedelta(days=7)
"""How long what is dead can be looked at, from the hour at which it would have expired."""


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
    correlated: bool
    resend_of: UUID | None = None


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
    topic: str
    path: str
    sealed: bytes
    resends: bool
    state: ParcelState
    due_at: datetime
    expires_at: datetime
    rule: str | None
    detail: str | None
    attempts: int
    forgiven: int
    parked_at: datetime


class Group(NamedTuple):
    """Parcels that wait together, oldest first: of one number, class and app.

    `rank` is the order of the class in a line. `topic` sets apart what waits for its own template,
    '' for everything else.
    """

    phone_number_id: PhoneNumberId
    rank: int
    app_id: str
    topic: str


class DueGroup(NamedTuple):
    """A group of which something is due, its pool, and the number's messages a second."""

    group: Group
    pool_id: PoolId
    throughput: int


class Claimed(NamedTuple):
    """A parcel that this process is to send; `attempts` and `forgiven` as in `Parcel`."""

    pool_id: PoolId
    message_id: UUID
    phone_number_id: PhoneNumberId
    waba_id: WabaId
    user_id: UserId
    app_id: str
    send_class: SendClass
    rank: int
    topic: str
    path: str
    sealed: bytes
    resends: bool
    due_at: datetime
    expires_at: datetime
    attempts: int
    forgiven: int

    @property
    def group(self) -> Group:
        """The group it was claimed from."""
        return Group(self.phone_number_id, self.rank, self.app_id, self.topic)


class Due(NamedTuple):
    """A parcel that waits (again), until when and why.

    `due_at` None: it keeps its place among those that wait.
    """

    pool_id: PoolId
    message_id: UUID
    due_at: datetime | None
    rule: str
    detail: str | None


async def park(connection: Any, rows: Sequence[ParkedRow]) -> None:
    """Write messages to journal and outbox, all or none."""
    documents = [document(row) for row in rows]
    await connection.execute(SQL["park"], as_json(documents))


def document(row: ParkedRow | ParcelRow) -> dict[str, Any]:
    """Return a row as the queries read it."""
    return row._asdict() | {"sealed": base64.b64encode(row.sealed).decode()}


async def due(connection: Any, now: datetime) -> list[DueGroup]:
    """Return the groups of which something is due and claimed by nobody."""
    rows = await connection.fetch(SQL["due"], now)
    return [
        DueGroup(
            Group(row["phone_number_id"], row["rank"], row["app_id"], row["topic"]),
            row["pool_id"],
            row["throughput"],
        )
        for row in rows
    ]


class Lease(NamedTuple):
    """Who claims, when, and until when nobody else may; its end tells it from a later one."""

    process_id: UUID
    now: datetime
    until: datetime


async def claim(connection: Any, most: Mapping[Group, int], lease: Lease) -> list[Claimed]:
    """Claim what is due, at most so many parcels of each group; return them oldest first."""
    wanted = [group._asdict() | {"most": count} for group, count in most.items()]
    rows = await connection.fetch(
        SQL["claim"], as_json(wanted), lease.now, lease.process_id, lease.until
    )
    claimed = [_claimed(row) for row in rows]
    return sorted(claimed, key=lambda each: (each.rank, each.due_at, each.message_id))


def _claimed(row: Any) -> Claimed:
    fields = {name: row[name] for name in Claimed._fields}
    return Claimed(**fields | {"send_class": SendClass(row["send_class"])})


async def put_back(connection: Any, waiting: Sequence[Due], lease: Lease) -> None:
    """Let what was claimed on a lease wait (again)."""
    await connection.execute(SQL["put_back"], _document(waiting), lease.process_id, lease.until)


async def rescue(connection: Any, now: datetime) -> int:
    """Free what processes that are gone had claimed, a bounded number; return how many."""
    return _count(await connection.execute(SQL["rescue"], now, MOST_AT_ONCE))


async def let_go(connection: Any, process_id: UUID, under_way: Collection[UUID]) -> int:
    """Free what a process has claimed, except the messages it is at work on; return how many."""
    return _count(await connection.execute(SQL["let_go"], process_id, under_way))


async def attempts(connection: Any, keys: Sequence[tuple[PoolId, UUID]]) -> dict[UUID, int | None]:
    """Return which attempt each of these is on its way for; those that are not are left out.

    None: its parcel is gone, for nobody knew what had become of it.
    """
    rows = await connection.fetch(SQL["attempts"], _keys(keys))
    return {row["message_id"]: row["attempts"] for row in rows}


async def follow(connection: Any, pool_id: PoolId, message_id: UUID, lease: Lease) -> None:
    """Let what was claimed on a lease wait in the pool that its number has moved to."""
    await connection.execute(SQL["follow"], pool_id, message_id, lease.process_id, lease.until)


async def finish(connection: Any, done: Sequence[tuple[PoolId, UUID]]) -> None:
    """Take out parcels whose outcome is final."""
    await connection.execute(SQL["finish"], _keys(done))


async def again(connection: Any, waiting: Sequence[Due]) -> None:
    """Let what Meta refused for now wait until it is tried again."""
    await connection.execute(SQL["again"], _document(waiting))


async def bury(connection: Any, dead: Sequence[Due]) -> None:
    """Keep what will never be sent, with the reason, for a person to look at."""
    await connection.execute(SQL["bury"], _document(dead))


async def expire(connection: Any, now: datetime) -> list[tuple[PoolId, UUID, str]]:
    """Take out what is of no use any more, a bounded number; return pool, message, app of each."""
    rows = await connection.fetch(SQL["expire"], now, MOST_AT_ONCE)
    return [(row["pool_id"], row["message_id"], row["app_id"]) for row in rows]


async def forget(connection: Any, now: datetime) -> int:
    """Take out, a bounded number, what has been dead for long; return how many."""
    return _count(await connection.execute(SQL["forget"], now - DEAD_KEPT, MOST_AT_ONCE))


async def census(connection: Any) -> dict[SendClass, int]:
    """Count what waits, by class; looks at every parcel there is."""
    waiting: Counter[int] = Counter()
    for row in await connection.fetch(SQL["census"]):
        waiting[row["rank"]] += row["waiting"]
    return {send_class: waiting[rank] for send_class, rank in RANKS.items()}


def _document(rows: Sequence[Due]) -> str:
    return as_json([row._asdict() for row in rows])


def _keys(keys: Sequence[tuple[PoolId, UUID]]) -> str:
    pairs = [{"pool_id": pool_id, "message_id": message_id} for pool_id, message_id in keys]
    return as_json(pairs)


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])
