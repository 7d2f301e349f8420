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
from gateway.policy.send_class import SendClass
from gateway.store.database import Database
from gateway.store.queries import beside

SQL = beside(__file__)
BITE: Final = 1000
MOST_AT_ONCE: Final = 50_000
PATIENCE_S: Final = 60.0
"""How long a count of everything may take."""
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
    state: ParcelState | None = None
    rule: str | None = None


class Tally(NamedTuple):
    """How many parcels are alike, the hour the first became due, and how many have expired."""

    phone_number_id: str
    send_class: str
    state: str
    rule: str | None
    parcels: int
    oldest_due_at: datetime
    late: int


class Done(NamedTuple):
    """To how many parcels a deed was done, and whether there may be more."""

    affected: int
    more: bool


async def page(
    connection: Any, wanted: ParcelFilter, before: UUID | None, limit: int
) -> list[Mapping[str, Any]]:
    """Return a page of parcels, newest first; `before` is the last id of the page before."""
    rows: list[Mapping[str, Any]] = await connection.fetch(
        SQL["page"],
        wanted.pool_id,
        wanted.phone_number_id,
        wanted.app_id,
        wanted.send_class,
        wanted.state,
        wanted.rule,
        before,
        limit,
    )
    return rows


async def count(
    database: Database,
    wanted: ParcelFilter,
    now: datetime,
    states: Sequence[ParcelState] = tuple(ParcelState),
) -> list[Tally]:
    """Count parcels by number, class, state and rule; looks at every parcel there is."""
    async with database.transaction() as connection:
        await connection.execute(SQL["scan"])
        rows = await connection.fetch(
            SQL["count"],
            wanted.pool_id,
            wanted.phone_number_id,
            wanted.app_id,
            wanted.send_class,
            _states(wanted, states),
            wanted.rule,
            now,
            timeout=PATIENCE_S,
        )
    return [Tally(*row) for row in rows]


async def preview(
    database: Database, deed: Deed, wanted: ParcelFilter, now: datetime, until: datetime | None
) -> int:
    """Count the parcels that `do` would be done to."""
    tallies = await count(database, wanted, now, UNSAID[deed])
    if deed is not Deed.REDRIVE:
        return sum(tally.parcels for tally in tallies)
    return sum(
        tally.parcels - (tally.late if until is None or _is_code(tally) else 0) for tally in tallies
    )


async def do(
    database: Database, deed: Deed, wanted: ParcelFilter, now: datetime, until: datetime | None
) -> Done:
    """Do a deed to a bounded number of parcels; `until` is the new expiry of what is redriven.

    What has expired is not redriven without one, and an authentication code never: its time is its
    template's.
    """
    affected = 0
    for pool_id in await _pools(database, wanted):
        after = FIRST_ID
        while affected < MOST_AT_ONCE:
            async with database.transaction() as connection:
                chosen = await _choose(connection, (pool_id, deed, wanted), after, now)
                hours = (now, until) if deed is Deed.REDRIVE else ()
                done = await connection.fetch(SQL[deed], pool_id, chosen, *hours) if chosen else ()
            affected += len(done)
            if len(chosen) < BITE:
                break
            after = chosen[-1]
        else:
            return Done(affected, more=True)
    return Done(affected, more=False)


async def _pools(database: Database, wanted: ParcelFilter) -> list[str]:
    if wanted.pool_id is not None:
        return [wanted.pool_id]
    async with database.connection() as connection:
        return [row["pool_id"] for row in await connection.fetch(SQL["pools"])]


async def _choose(
    connection: Any, what: tuple[str, Deed, ParcelFilter], after: UUID, now: datetime
) -> list[UUID]:
    pool_id, deed, wanted = what
    rows = await connection.fetch(
        SQL["choose"],
        pool_id,
        wanted.phone_number_id,
        wanted.app_id,
        wanted.send_class,
        _states(wanted, UNSAID[deed]),
        wanted.rule,
        after,
        now,
        BITE,
        timeout=PATIENCE_S,
    )
    return [row["message_id"] for row in rows]


def _states(wanted: ParcelFilter, otherwise: Sequence[ParcelState]) -> Sequence[ParcelState]:
    return otherwise if wanted.state is None else [wanted.state]


def _is_code(tally: Tally) -> bool:
    return tally.send_class == SendClass.AUTHENTICATION
