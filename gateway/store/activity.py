"""What numbers have started lately: what is usual for each, and what is old enough to forget."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from gateway.policy.facts import NumberFacts
from gateway.policy.paces import DAY, HOUR
from gateway.store.numbers import number_facts
from gateway.store.queries import beside
from gateway.whatsapp.ids import PoolId

SQL = beside(__file__)

TRAILING: Final = timedelta(days=7)
KEPT: Final = TRAILING + DAY
SPREAD_KEPT: Final = timedelta(hours=2)
MOST_AT_ONCE: Final = 5_000


class History(NamedTuple):
    """A number as its row says, and as what it has started says."""

    noted: NumberFacts
    seen: NumberFacts


async def histories(connection: Any, pool_id: PoolId, now: datetime) -> list[History]:
    """Return the numbers of a pool with the most of their trailing 7 days.

    What is going on does not count yet: an hour is looked at from an hour after its end, a day from
    a day after. Otherwise a campaign that uses its allowance would raise it as it goes, and within
    an hour be free of it.
    """
    settled = now - HOUR
    rows = await connection.fetch(
        SQL["histories"], pool_id, now - KEPT, settled - TRAILING, settled, now - DAY
    )
    found = []
    for row in rows:
        noted = number_facts(row)
        seen = replace(
            noted,
            usual_users_hour=row["seen_users_hour"],
            usual_users_day=row["seen_users_day"],
            usual_sends_10m=row["seen_sends_10m"],
        )
        found.append(History(noted, seen))
    return found


async def note_usual(connection: Any, history: History) -> None:
    """Write what is usual, and that the number no longer recovers if that is seen.

    Needs `quota.touch` of its pool in the same transaction.
    """
    noted, seen = history
    await connection.execute(
        SQL["note_usual"],
        seen.phone_number_id,
        seen.pool_id,
        seen.usual_users_hour,
        seen.usual_users_day,
        seen.usual_sends_10m,
        noted.recovering_since if seen.recovering_since is None else None,
    )


async def forget(connection: Any, pool_id: PoolId, now: datetime) -> int:
    """Delete what of a pool nobody asks for any more; return how many rows that were."""
    gone = 0
    for query, before in (
        (SQL["forget_activity"], now - KEPT),
        (SQL["forget_spread"], now - SPREAD_KEPT),
    ):
        deleted = MOST_AT_ONCE
        while deleted == MOST_AT_ONCE:
            tag = await connection.execute(query, pool_id, before, MOST_AT_ONCE)
            deleted = int(tag.removeprefix("DELETE "))
            gone += deleted
    return gone
