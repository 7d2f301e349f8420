"""Works out, without touching anything, how statuses move messages on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from gateway.policy.lifecycle import HOLD, Hold, MessageState, moves
from gateway.store.messages import Known, Progress
from gateway.whatsapp.callback import unwrap
from gateway.whatsapp.events import DeliveryStatus, StatusUpdate

STATE: Final = {
    DeliveryStatus.SENT: MessageState.SENT,
    DeliveryStatus.DELIVERED: MessageState.DELIVERED,
    DeliveryStatus.READ: MessageState.READ,
    DeliveryStatus.PLAYED: MessageState.READ,
    DeliveryStatus.FAILED: MessageState.FAILED,
}


@dataclass(slots=True)
class _Moving:
    known: Known
    state: MessageState
    wamid: str | None = None
    code: int | None = None
    detail: str | None = None
    hours: dict[MessageState, datetime] = field(default_factory=dict)

    def take(self, update: StatusUpdate) -> None:
        to = STATE.get(update.status)
        if to is None:
            return
        self.wamid = update.wamid
        self.hours[to] = min(self.hours.get(to, update.at), update.at)
        if to is MessageState.FAILED and update.errors:
            # Kept like its hour, whether or not the message has arrived since.
            self.code = update.errors[0].code
            self.detail = update.errors[0].details or update.errors[0].title
        if moves(self.state, to):
            self.state = to

    def progress(self) -> Progress:
        return Progress(
            pool_id=self.known.pool_id,
            message_id=self.known.message_id,
            state=self.state,
            wamid=self.wamid,
            settles=HOLD.get(self.state) is Hold.SETTLED,
            code=self.code,
            detail=self.detail,
            sent_at=self.hours.get(MessageState.SENT),
            delivered_at=self.hours.get(MessageState.DELIVERED),
            read_at=self.hours.get(MessageState.READ),
            failed_at=self.hours.get(MessageState.FAILED),
        )


@dataclass(frozen=True, slots=True)
class Moved:
    """What a bunch of statuses does: rows to write, slots to release, slots to count again."""

    progress: list[Progress]
    released: list[Known]
    restored: list[Known]


def correlation(update: StatusUpdate) -> UUID | None:
    """Return our id of the message a status speaks of, None if it carries none of ours."""
    message_id, _ = unwrap(update.callback_data)
    if message_id is None:
        return None
    try:
        return UUID(hex=message_id)
    except ValueError:
        return None  # somebody else's mark that looks like ours


def work_out(found: Iterable[tuple[StatusUpdate, Known]]) -> Moved:
    """Fold statuses, in whatever order they came, into one move a message.

    A slot is released when the message is known to have failed and still holds it, and counted
    again when it has arrived after all; seeing the same status twice changes nothing.
    """
    moving: dict[UUID, _Moving] = {}
    for update, known in found:
        moving.setdefault(known.message_id, _Moving(known, known.state)).take(update)
    moved = Moved([], [], [])
    for message in moving.values():
        moved.progress.append(message.progress())
        effect = HOLD.get(message.state)
        if effect is Hold.RELEASED and message.known.hold is Hold.RESERVED:
            moved.released.append(message.known)
        elif effect is Hold.SETTLED and message.known.hold is Hold.RELEASED:
            moved.restored.append(message.known)
    return moved
