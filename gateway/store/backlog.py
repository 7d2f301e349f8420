"""The outbox as operators see and steer it: pages, counts, and deeds done to many parcels at once.

A deed goes through the parcels in bites, each a transaction of its own. It leaves alone what was
parked after it began, and what is claimed: a lease keeps operators away too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from gateway.policy.parcel import ParcelState
from gateway.store.database import Database
from gateway.store.queries import beside

SQL = beside(__file__)
BITE: Final = 1000
MOST_AT_ONCE: Final = 50_000
PATIENCE_S: Final = 60.0
"""How long it may take to look at everything."""
FIRST_ID: Final = UUID(int=0)


class Deed(StrEnum):
    """What an operator does to parcels."""

    CANCEL = "cancel"
    HOLD = "hold"
    RESUME = "resume"
    REDRIVE = "redrive"


STATES: Final[Mapping[Deed, tuple[ParcelState, ...]]] = {
    Deed.CANCEL: (ParcelState.PARKED, ParcelState.HELD, ParcelState.DEAD),
    Deed.HOLD: (ParcelState.PARKED,),
    Deed.RESUME: (ParcelState.HELD,),
    Deed.REDRIVE: (ParcelState.DEAD,),
}
"""Parcels in which states a deed is done to."""
UNSAID: Final = {**STATES, Deed.CANCEL: (ParcelState.PARKED, ParcelState.HELD)}
"""In which where nobody says: the dead are thrown away by their name only."""


@dataclass(frozen=True, slots=True)
class ParcelFilter:
    """Which parcels are meant; None: any."""

    pool_id: str | None = None
    phone_number_id: str | None = None
    app_id: str | None = None
    send_class: str | None = None
    user_id: str | None = None
    message_id: UUID | None = None
    rule: str | None = None
    state: ParcelState | None = None

    def parameters(self, states: Sequence[ParcelState] = tuple(ParcelState)) -> tuple[Any, ...]:
        """Return the first parameters of every query; `states` holds where no state is said."""
        return (
            self.pool_id,
            self.phone_number_id,
            self.app_id,
            self.send_class,
            self.user_id,
            self.message_id,
            self.rule,
            states if self.state is None else [self.state],
        )


class Tally(NamedTuple):
    """How many parcels are alike, and the hour the first became due.

    `claimed`: of how many some process is just deciding; `late`: how many have expired.
    """

    phone_number_id: str
    send_class: str
    state: str
    rule: str | None
    parcels: int
    oldest_due_at: datetime
    claimed: int
    late: int


class Order(NamedTuple):
    """A deed, at an hour, to what is meant; `until` is the new expiry of what is redriven.

    What has expired is not redriven without one, and an authentication code never: its time is its
    template's.
    """

    deed: Deed
    wanted: ParcelFilter
    at: datetime
    until: datetime | None = None

    def parameters(self) -> tuple[Any, ...]:
        """Return the first parameters of every query for what the deed is done to."""
        return *self.wanted.parameters(UNSAID[self.deed]), self.at


class Done(NamedTuple):
    """To how many parcels a deed was done, and whether there may be more."""

    affected: int
    more: bool


async def page(
    database: Database, wanted: ParcelFilter, before: UUID | None, limit: int
) -> list[Mapping[str, Any]]:
    """Return a page of parcels, newest first; `before` is the last id of the page before."""
    async with database.connection() as connection:
        rows: list[Mapping[str, Any]] = await connection.fetch(
            SQL["page"], *wanted.parameters(), before, limit, timeout=PATIENCE_S
        )
    return rows


async def count(database: Database, wanted: ParcelFilter, now: datetime) -> list[Tally]:
    """Count parcels by number, class, state and rule; looks at every parcel there is."""
    return [Tally(*row) for row in await _scan(database, "count", *wanted.parameters(), now)]


async def preview(database: Database, order: Order) -> int:
    """Count the parcels to which `do` would do the deed; looks at every parcel there is."""
    if order.deed is Deed.REDRIVE:
        rows = await _scan(database, "redrivable", *order.parameters(), order.until)
    else:
        rows = await _scan(database, "free", *order.parameters())
    found: int = rows[0]["count"]
    return found


async def do(database: Database, order: Order) -> Done:
    """Do a deed to a bounded number of parcels; whoever lets messages wait is told of it."""
    affected = 0
    for pool_id in await _pools(database, order.wanted):
        after: UUID | None = FIRST_ID
        while after is not None:
            if affected >= MOST_AT_ONCE:
                return Done(affected, more=True)
            done, after = await _bite(database, pool_id, order, after)
            affected += done
    return Done(affected, more=False)


async def _bite(
    database: Database, pool_id: str, order: Order, after: UUID
) -> tuple[int, UUID | None]:
    """Do a deed to the next of a pool; return to how many, and the last, None at the pool's end."""
    _, *parameters = order.parameters()
    hours = (order.at, order.until) if order.deed is Deed.REDRIVE else ()
    async with database.transaction() as connection:
        rows = await connection.fetch(
            SQL["choose"], pool_id, *parameters, after, BITE, timeout=PATIENCE_S
        )
        chosen = [row["message_id"] for row in rows]
        done = await connection.fetch(SQL[order.deed], pool_id, chosen, *hours)
        if done:
            await connection.execute(SQL["tell"], pool_id)
    return len(done), chosen[-1] if len(chosen) == BITE else None


async def _pools(database: Database, wanted: ParcelFilter) -> list[str]:
    if wanted.pool_id is not None:
        return [wanted.pool_id]
    async with database.connection() as connection:
        return [row["pool_id"] for row in await connection.fetch(SQL["pools"])]


async def _scan(database: Database, query: str, *parameters: Any) -> list[Any]:
    async with database.transaction() as connection:
        await connection.execute(SQL["scan"])
        rows: list[Any] = await connection.fetch(SQL[query], *parameters, timeout=PATIENCE_S)
    return rows
