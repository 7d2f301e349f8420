"""What is known of a user: the service window, the preference, and the names they go by."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from gateway.store.queries import beside
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId

SQL = beside(__file__)


class ContactKey(NamedTuple):
    """One user of one number."""

    pool_id: PoolId
    phone_number_id: PhoneNumberId
    user_id: UserId


async def open_windows(connection: Any, opened: Mapping[ContactKey, datetime]) -> None:
    """Open service windows at the hour the users wrote; an older message changes nothing."""
    # Rows in one order everywhere, so that two writers never wait for each other.
    rows = sorted(opened.items())
    await connection.execute(
        SQL["open_windows"],
        [key.pool_id for key, _ in rows],
        [key.phone_number_id for key, _ in rows],
        [key.user_id for key, _ in rows],
        [at for _, at in rows],
    )


async def close_window(connection: Any, key: ContactKey, at: datetime) -> None:
    """Take Meta's word that the window was shut at `at`."""
    await connection.execute(SQL["close_window"], *key, at)


async def note_preference(connection: Any, key: ContactKey, at: datetime, *, stopped: bool) -> None:
    """Remember that the user stopped or resumed marketing."""
    await connection.execute(SQL["prefer"], *key, stopped, at)


async def resolve(
    connection: Any, names: Sequence[tuple[PoolId, str]]
) -> dict[tuple[PoolId, str], UserId]:
    """Return the user behind each alias that is known."""
    rows = await connection.fetch(
        SQL["resolve"], [pool_id for pool_id, _ in names], [alias for _, alias in names]
    )
    return {(row["pool_id"], row["alias"]): row["user_id"] for row in rows}


async def unite(connection: Any, pool_id: PoolId, alias: str, user_id: UserId) -> None:
    """Learn that `alias` is `user_id`; needs a transaction that holds the pool's lock.

    Everything kept under the alias moves to the user, who counts once.
    """
    for name in ("merge_ledger", "merge_contacts", "merge_messages", "repoint_aliases"):
        await connection.execute(SQL[name], pool_id, alias, user_id)
    await connection.execute(SQL["learn_alias"], pool_id, alias, user_id)
