"""The idempotency keys of apps: whose message has a key, and the answer that was given."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from gateway.policy.lifecycle import MessageState
from gateway.store.queries import beside
from gateway.whatsapp.ids import PoolId, UserId

SQL = beside(__file__)

NEVER_LEFT: Final = (MessageState.TURNED_AWAY, MessageState.REFUSED)
MOST_AT_ONCE: Final = 5_000


class KeyState(StrEnum):
    """Where the request is that has a key."""

    IN_FLIGHT = "in_flight"
    ANSWERED = "answered"
    IN_DOUBT = "in_doubt"  # answered so, until the journal knows more


class Key(NamedTuple):
    """A key as a request carries it.

    `caller` tells apps and strangers apart, `fingerprint` (SHA-256) one request from another.
    """

    caller: str
    key: str
    fingerprint: bytes


class Claim(NamedTuple):
    """A message that wants a key, from an instant until its process no longer answers for it."""

    key: Key
    pool_id: PoolId
    message_id: UUID
    at: datetime
    leased_until: datetime


class Recorded(NamedTuple):
    """An answer as the app saw it; `headers` is `name: value` a line, ended by CR LF."""

    status: int
    headers: bytes
    body: bytes


class Fate(NamedTuple):
    """What the journal knows of a message."""

    state: MessageState
    user_id: UserId
    wamid: str | None
    code: int | None
    detail: str | None
    rule: str | None = None
    retry_at: datetime | None = None


class Held(NamedTuple):
    """A key that a message has: `recorded` once it is answered, `fate` once it was decided on."""

    fingerprint: bytes
    message_id: UUID
    state: KeyState
    leased_until: datetime
    recorded: Recorded | None
    fate: Fate | None

    @property
    def never_left(self) -> bool:
        """Whether the journal says that nothing was sent."""
        return self.fate is None or self.fate.state in NEVER_LEFT


async def claim(connection: Any, wanted: Claim, since: datetime) -> bool:
    """Take a key for a message; False when another has it.

    What was claimed at or before `since` has run out, unless its process still answers for it. What
    a dead process has left is taken over by the same request if the journal says that nothing was
    sent.
    """
    claimed = await connection.fetchval(SQL["claim"], *wanted.key, *wanted[1:], since, NEVER_LEFT)
    return claimed is not None


async def held(connection: Any, key: Key) -> Held | None:
    """Return who has a key, None when nobody has."""
    row = await connection.fetchrow(SQL["held"], key.caller, key.key)
    return None if row is None else _held(row)


async def remember(connection: Any, wanted: Claim, state: KeyState, answer: Recorded) -> None:
    """Keep the answer to the message that has the key; nothing happens when another has it."""
    key = wanted.key
    await connection.execute(
        SQL["remember"], key.caller, key.key, wanted.message_id, state, *answer
    )


async def forget(connection: Any, wanted: Claim) -> None:
    """Give the key back; nothing happens when another has it."""
    key = wanted.key
    await connection.execute(SQL["forget"], key.caller, key.key, wanted.message_id)


async def prune(connection: Any, since: datetime, now: datetime) -> int:
    """Delete some of the keys that have run out, oldest first; return how many.

    Fewer than MOST_AT_ONCE says that none is left.
    """
    tag: str = await connection.execute(SQL["prune"], since, now, MOST_AT_ONCE)
    return int(tag.rpartition(" ")[2])


def _held(row: Any) -> Held:
    recorded = None
    if row["status"] is not None:
        recorded = Recorded(row["status"], row["headers"], row["body"])
    fate = None
    if row["fate"] is not None:
        known = (row[name] for name in Fate._fields if name != "state")
        fate = Fate(MessageState(row["fate"]), *known)
    return Held(
        row["fingerprint"],
        row["message_id"],
        KeyState(row["state"]),
        row["leased_until"],
        recorded,
        fate,
    )
