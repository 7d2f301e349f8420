"""What nobody knows the fate of: doubts that last too long, and messages without a status."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from gateway.policy.send_class import SendClass
from gateway.store.message_ids import first_id_at
from gateway.store.queries import beside
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId

SQL = beside(__file__)


class Kept(NamedTuple):
    """What the outbox has kept of a message, so that it can be sent once more."""

    phone_number_id: PhoneNumberId
    waba_id: str
    user_id: UserId
    app_id: str
    send_class: SendClass
    rank: int
    path: str
    sealed: bytes
    expires_at: datetime


class GivenUp(NamedTuple):
    """A message that was given up; `kept` None where it is not to be sent once more."""

    pool_id: PoolId
    message_id: UUID
    type: str
    template_name: str | None
    template_language: str | None
    category: str | None
    kept: Kept | None


class Silence(NamedTuple):
    """How many messages of a number Meta has taken, and of how many it has told nothing since."""

    phone_number_id: PhoneNumberId
    taken: int
    silent: int


async def give_up(connection: Any, since: datetime, now: datetime, most: int) -> list[GivenUp]:
    """Give up at most so many messages that have been in doubt since an hour or longer.

    Their parcels leave the outbox. What was sent once more already is not `kept`, nor what is of
    no use at `now` any more. Needs a transaction.
    """
    rows = await connection.fetch(SQL["give_up"], since, most)
    return [_given_up(row, now) for row in rows]


async def silences(connection: Any, after: datetime, until: datetime) -> list[Silence]:
    """Count, by number, what was admitted between two hours and has no status; silent ones only."""
    rows = await connection.fetch(
        SQL["silent"], first_id_at(after), first_id_at(until), after, until
    )
    return [Silence(*row) for row in rows]


def _given_up(row: Any, now: datetime) -> GivenUp:
    kept = None
    if row["resends"] and row["resend_of"] is None and row["expires_at"] > now:
        kept = Kept(**{name: row[name] for name in Kept._fields})
        kept = kept._replace(send_class=SendClass(kept.send_class))
    known = {name: row[name] for name in GivenUp._fields if name != "kept"}
    return GivenUp(**known, kept=kept)
