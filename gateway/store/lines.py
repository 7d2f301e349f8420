"""How processes divide the throughput of numbers, and what Meta's throttling has taught."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from gateway.policy.rate_shares import GRACE, Share
from gateway.policy.throttling import Hold, Speed
from gateway.store.queries import beside
from gateway.store.rows import as_json

SQL = beside(__file__)


class Seen(NamedTuple):
    """How a number stood when it was read; with version 0 nobody has settled it yet."""

    version: int
    speed: Speed | None
    shares: tuple[Share, ...]


class Settled(NamedTuple):
    """What a process makes of a number that it saw at `version`."""

    version: int
    speed: Speed | None
    share: Share


NOTHING: Final = Seen(0, None, ())


async def read(
    connection: Any, phone_number_ids: Collection[str], since: datetime
) -> tuple[dict[str, Seen], list[Hold]]:
    """Return how the numbers stand, and every hold that has lasted until `since` or longer."""
    row = await connection.fetchrow(SQL["read"], list(phone_number_ids), since)
    seen = {
        number: Seen(version, _speed(slowed_to, slowed_at), tuple(map(_share, shares)))
        for number, version, slowed_to, slowed_at, shares in orjson.loads(row["numbers"])
    }
    return seen, [_hold(fields) for fields in orjson.loads(row["holds"])]


async def write(connection: Any, settled: Mapping[str, Settled], now: datetime) -> set[str]:
    """Write what one process has settled; return the numbers that were written.

    A number that is missing from the answer has been settled by another process since it was read:
    nothing of it was written. Shares that have run out by `now` are forgotten.
    """
    documents = [
        {
            "phone_number_id": number,
            "version": one.version + 1,
            **(one.speed._asdict() if one.speed else {}),
            **one.share._asdict(),
        }
        for number, one in settled.items()
    ]
    rows = await connection.fetch(SQL["write"], as_json(documents), now - GRACE)
    return {row["phone_number_id"] for row in rows}


async def hold(connection: Any, holds: Collection[Hold]) -> None:
    """Remember holds, unless longer ones are known."""
    documents = [one._asdict() for one in holds]
    await connection.execute(SQL["hold"], as_json(documents))


def _speed(slowed_to: float | None, slowed_at: str | None) -> Speed | None:
    if slowed_to is None or slowed_at is None:
        return None
    return Speed(slowed_to, datetime.fromisoformat(slowed_at))


def _share(fields: list[Any]) -> Share:
    process_id, demand, inbound, granted, leased_until, held_until = fields
    return Share(
        UUID(process_id),
        demand,
        inbound,
        granted,
        datetime.fromisoformat(leased_until),
        held_until and datetime.fromisoformat(held_until),
    )


def _hold(fields: list[Any]) -> Hold:
    scope, held_until, code, strikes, struck_at = fields
    return Hold(
        scope,
        datetime.fromisoformat(held_until),
        code,
        strikes,
        datetime.fromisoformat(struck_at),
    )
