"""What became of messages, as their apps are told: journal and outbox side by side."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from gateway.policy.lifecycle import MessageState
from gateway.policy.parcel import ParcelState
from gateway.store.queries import beside
from gateway.whatsapp.ids import PhoneNumberId, PoolId

SQL = beside(__file__)


class Fate(NamedTuple):
    """A message of an app; what begins with `parcel`, and `due_at` to the end, while it waits."""

    pool_id: PoolId
    message_id: UUID
    app_id: str
    phone_number_id: PhoneNumberId
    state: MessageState
    wamid: str | None
    code: int | None
    detail: str | None
    rule: str | None
    created_at: datetime
    decided_at: datetime | None
    answered_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    failed_at: datetime | None
    resend_of: UUID | None
    resent_as: UUID | None
    parcel_state: ParcelState | None
    due_at: datetime | None
    expires_at: datetime | None
    waits_for: str | None
    waits_because: str | None


async def fates(connection: Any, message_ids: Sequence[UUID]) -> list[Fate]:
    """Return what became of messages; those that nobody knows are left out."""
    rows = await connection.fetch(SQL["fates"], message_ids)
    return [Fate(**{**row, "state": MessageState(row["state"])}) for row in rows]


async def sealed(connection: Any, pool_id: PoolId, message_id: UUID) -> bytes | None:
    """Return the sealed contents of what waits, None where it does not."""
    contents: bytes | None = await connection.fetchval(SQL["sealed"], pool_id, message_id)
    return contents
