"""What a campaign would find: who of so many users counts already, and when slots come free."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from gateway.policy.paces import Paces
from gateway.policy.send_class import SendClass
from gateway.policy.slots import Leaving
from gateway.store import contacts
from gateway.store.database import Database
from gateway.store.errors import UnknownNumberError, UnknownPoolError
from gateway.store.queries import beside
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId
from gateway.whatsapp.recipient import is_bsuid

SQL = beside(__file__)


class Origin(NamedTuple):
    """A number that could send; `throughput` in messages a second."""

    phone_number_id: PhoneNumberId
    pool_id: PoolId
    display_phone_number: str
    throughput: int
    paces: Paces


class Audience(NamedTuple):
    """Whose users are asked about; `marketing_from` names numbers if it is marketing."""

    pool_id: PoolId
    marketing_from: Sequence[PhoneNumberId]
    now: datetime
    window: timedelta


@dataclass(slots=True)
class Found:
    """What is known of all users asked about so far; `counted` gives slots by `Leaving` of one."""

    new: int = 0
    counted: Counter[Leaving] = field(default_factory=Counter)
    stopped: int = 0
    capped: int = 0
    capped_until: datetime | None = None


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[Any]:
    """Lend a connection that sees one instant of the database and cannot write."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


async def origins_of_pool(connection: Any, pool_id: PoolId) -> list[Origin]:
    """Return the numbers of a pool; UnknownPoolError when there is no such pool."""
    if await connection.fetchval(SQL["of_pool"], pool_id) is None:
        raise UnknownPoolError(pool_id)
    return [_origin(row) for row in await connection.fetch(SQL["origins"], pool_id, None)]


async def origin(connection: Any, phone_number_id: PhoneNumberId) -> Origin:
    """Return one number; UnknownNumberError when there is none."""
    rows = await connection.fetch(SQL["origins"], None, phone_number_id)
    if not rows:
        raise UnknownNumberError(phone_number_id)
    return _origin(rows[0])


async def leaving(
    connection: Any, pool_id: PoolId, now: datetime, window: timedelta
) -> Counter[Leaving]:
    """Return all slots that are taken, by when they come free: in whole seconds, never too early.

    The keys are `Leaving` of one slot, the values how many.
    """
    rows = await connection.fetch(SQL["leaving"], pool_id, now, window)
    return Counter({_leaving(row): row["slots"] for row in rows})


async def resolve(
    connection: Any, pool_id: PoolId, user_ids: Sequence[UserId]
) -> dict[UserId, UserId]:
    """Return the user behind each business-scoped id that is known to be somebody's."""
    names = [(pool_id, user_id) for user_id in user_ids if is_bsuid(user_id)]
    if not names:
        return {}
    users = await contacts.resolve(connection, names)
    return {UserId(alias): user_id for (_, alias), user_id in users.items()}


async def look_up(
    connection: Any, audience: Audience, user_ids: Sequence[UserId], found: Found
) -> None:
    """Add what is known of some thousand users, each named once, to `found`."""
    rows = await connection.fetch(
        SQL["recipients"],
        audience.pool_id,
        user_ids,
        audience.now,
        audience.marketing_from,
        audience.window,
    )
    for row in rows:
        match row["kind"]:
            case "counted":
                found.counted[_leaving(row)] += row["users"]
            case "stopped":
                found.stopped += row["users"]
            case "capped":
                found.capped += row["users"]
                found.capped_until = max(found.capped_until or audience.now, row["capped_until"])
            case _:
                found.new += row["users"]


def _origin(row: Any) -> Origin:
    return Origin(
        PhoneNumberId(row["phone_number_id"]),
        PoolId(row["pool_id"]),
        row["display_phone_number"],
        row["throughput"],
        Paces(row["users_hour_tat"], row["sends_10m_tat"], row["users_day_tat"]),
    )


def _leaving(row: Any) -> Leaving:
    return Leaving(row["leaves_at"], 1, SendClass(row["class"]), row["app_id"])
