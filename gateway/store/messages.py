"""The journal: what became of each message."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from gateway.policy.lifecycle import Hold, MessageState
from gateway.store.message_ids import first_id_at, made_at
from gateway.store.queries import beside
from gateway.store.rows import as_json
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId

SQL = beside(__file__)


class Answer(NamedTuple):
    """What Meta answered to one message, or that it did not."""

    pool_id: PoolId
    message_id: UUID
    state: MessageState
    wamid: str | None
    code: int | None
    detail: str | None
    answered_at: datetime
    attempt: int | None = None
    """Of a message that is in the outbox: as in `Parcel.attempts`, 0 where its app is told, so that
    it is not to be kept. None: it is not there."""
    waits_until: datetime | None = None
    """When one that was refused is tried again; None: never."""


class Known(NamedTuple):
    """A message as a status finds it."""

    pool_id: PoolId
    message_id: UUID
    user_id: UserId
    phone_number_id: PhoneNumberId
    state: MessageState
    hold: Hold | None
    released_at: datetime | None = None
    """When it was admitted, if it had been parked."""

    @property
    def decided_at(self) -> datetime:
        """When it was decided on."""
        return self.released_at or made_at(self.message_id)


class Progress(NamedTuple):
    """How statuses move one message on; the order is that of the query."""

    pool_id: PoolId
    message_id: UUID
    state: MessageState
    wamid: str | None
    settles: bool
    code: int | None
    detail: str | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    failed_at: datetime | None


@dataclass(frozen=True, slots=True)
class PageFilter:
    """Which messages of the journal are asked for; `before` is the last id of the page before."""

    phone_number_id: str | None = None
    pool_id: str | None = None
    user_id: str | None = None
    state: str | None = None
    decision: str | None = None
    rule: str | None = None
    before: UUID | None = None
    limit: int = 50


async def record_answers(connection: Any, answers: Sequence[Answer]) -> None:
    """Write Meta's answers to the journal."""
    ordered = sorted(answers, key=lambda answer: (answer.pool_id, answer.message_id))
    rows = [dict(zip(Answer._fields, answer, strict=True)) for answer in ordered]
    await connection.execute(SQL["answered"], as_json(rows))


async def remember_wamids(connection: Any, answers: Sequence[Answer]) -> None:
    """Remember messages that carry no correlation id by Meta's id."""
    await connection.execute(
        SQL["remember_wamids"],
        [answer.wamid for answer in answers],
        [answer.pool_id for answer in answers],
        [answer.message_id for answer in answers],
    )


async def find_by_id(
    connection: Any, pool_ids: Iterable[PoolId], message_ids: Sequence[UUID]
) -> dict[UUID, Known]:
    """Find messages by our id among the pools given."""
    rows = await connection.fetch(SQL["by_id"], sorted(set(pool_ids)), message_ids)
    return {row["message_id"]: _known(row) for row in rows}


async def find_by_number(
    connection: Any, phone_number_ids: Sequence[PhoneNumberId], message_ids: Sequence[UUID]
) -> dict[UUID, Known]:
    """Find messages of numbers by our id, in whichever pool they were sent."""
    rows = await connection.fetch(SQL["by_number"], phone_number_ids, message_ids)
    return {row["message_id"]: _known(row) for row in rows}


async def find_by_wamid(connection: Any, wamids: Sequence[str]) -> dict[str, Known]:
    """Find messages that carry no correlation id by Meta's id."""
    rows = await connection.fetch(SQL["by_wamid"], wamids)
    return {row["wamid"]: _known(row) for row in rows}


async def record_progress(
    connection: Any, progress: Sequence[Progress], heard_at: datetime
) -> None:
    """Move messages on; the caller has decided that each move is forward."""
    ordered = sorted(progress, key=lambda move: (move.pool_id, move.message_id))
    await connection.execute(SQL["progressed"], *_columns(ordered), heard_at)


async def doubt_unanswered(
    connection: Any, after: datetime, until: datetime, wait: timedelta
) -> int:
    """Mark what was reserved between two hours and not answered within `wait`; return how many."""
    count: int = await connection.fetchval(
        SQL["unanswered"], first_id_at(after), first_id_at(until), after, until, wait
    )
    return count


async def story(connection: Any, message_id: UUID) -> Mapping[str, Any] | None:
    """Return the whole row of one message, None when it is unknown."""
    row: Mapping[str, Any] | None = await connection.fetchrow(SQL["story"], message_id)
    return row


async def page(connection: Any, wanted: PageFilter) -> list[Mapping[str, Any]]:
    """Return a page of the journal, newest first."""
    rows: list[Mapping[str, Any]] = await connection.fetch(
        SQL["page"],
        wanted.phone_number_id,
        wanted.pool_id,
        wanted.user_id,
        wanted.state,
        wanted.decision,
        wanted.rule,
        wanted.before,
        wanted.limit,
    )
    return rows


def _known(row: Any) -> Known:
    hold = Hold(row["hold"]) if row["hold"] else None
    return Known(
        row["pool_id"],
        row["message_id"],
        row["user_id"],
        row["phone_number_id"],
        MessageState(row["state"]),
        hold,
        row["decided_at"],
    )


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
