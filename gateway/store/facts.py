"""Loads what a batch of decisions has to know."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from gateway.policy.facts import RestrictionFacts, Said, TemplateFacts, UserFacts
from gateway.policy.fold import Candidate, PoolState
from gateway.policy.knobs import Knobs
from gateway.policy.paces import Paces
from gateway.policy.shares import Holder, Share
from gateway.policy.turning import turned
from gateway.store.numbers import number_facts
from gateway.store.queries import beside
from gateway.whatsapp.ids import PhoneNumberId, PoolId, WabaId
from gateway.whatsapp.number import Regime
from gateway.whatsapp.restriction import RestrictionType
from gateway.whatsapp.template import TemplateCategory, TemplateKey, TemplateStatus

SQL = beside(__file__)


class PoolVersion(NamedTuple):
    """How a pool stood when its facts were read, and the latest hour by which it was decided on."""

    version: int
    epoch: int
    counted: int
    decided_at: datetime


class HotFacts(NamedTuple):
    """What changes with every send: the pools' versions, and user by user in batch order.

    `paces`, `usage` and `spread` as in `BatchFacts`.
    """

    pools: dict[PoolId, PoolVersion]
    users: list[UserFacts]
    paces: dict[PhoneNumberId, Paces]
    usage: dict[PoolId, dict[Holder, int]]
    spread: dict[tuple[PoolId, int], int]


async def load_hot(connection: Any, batch: Sequence[Candidate], now: datetime) -> HotFacts:
    """Read the hot facts of a batch in one statement, hence from one snapshot."""
    rows = await connection.fetch(
        SQL["hot"],
        [candidate.pool_id for candidate in batch],
        [candidate.phone_number_id for candidate in batch],
        [candidate.user_id for candidate in batch],
        [c.message.content for c in batch if c.message.template is None],
        hour_of(now),
    )
    hot = HotFacts({}, [], {}, {}, {})
    for candidate, row in zip(batch, rows, strict=True):
        *version, reached_at, inbound_at, tat, stopped, capped, recent, _ = row
        hot.pools[candidate.pool_id] = PoolVersion(*version)
        said = _said(recent) if recent else ()
        hot.users.append(UserFacts(reached_at, inbound_at, tat, stopped, capped, said))
    if rows:
        _read_batch(hot, orjson.loads(rows[0]["batch"]))
    return hot


def hour_of(now: datetime) -> datetime:
    """Return the beginning of the hour."""
    return now.replace(minute=0, second=0, microsecond=0)


def _read_batch(hot: HotFacts, batch: Mapping[str, Any]) -> None:
    for number, *tats in batch["paces"] or ():
        hot.paces[number] = Paces(*(at and datetime.fromisoformat(at) for at in tats))
    for pool_id, holder, counted in batch["usage"] or ():
        hot.usage.setdefault(pool_id, {})[holder] = counted
    for pool_id, content, users in batch["spread"] or ():
        hot.spread[pool_id, content] = users


def _said(recent: str) -> tuple[Said, ...]:
    return tuple(
        Said(content, times, datetime.fromtimestamp(since, UTC))
        for content, times, since in orjson.loads(recent)
    )


def written_said(recent: Sequence[Said]) -> str:
    """Write what was said for the column `recent`."""
    return orjson.dumps([[s.content, s.times, s.since.timestamp()] for s in recent]).decode()


async def load_oldest(
    connection: Any, skipped: Mapping[PoolId, int]
) -> dict[PoolId, datetime | None]:
    """Return the oldest ledger entry of each pool after so many, None where there is none."""
    rows = await connection.fetch(SQL["next_slots"], list(skipped), list(skipped.values()))
    return {row["pool_id"]: row["oldest"] for row in rows}


async def load_oldest_of_holders(
    connection: Any, skipped: Mapping[tuple[PoolId, Holder], int]
) -> dict[PoolId, dict[Holder, datetime]]:
    """Return the oldest slot of each holder after so many, where there is one."""
    rows = await connection.fetch(
        SQL["next_of_holders"],
        [pool_id for pool_id, _ in skipped],
        [holder for _, holder in skipped],
        list(skipped.values()),
    )
    found: dict[PoolId, dict[Holder, datetime]] = {}
    for row in rows:
        if row["oldest"] is not None:
            found.setdefault(row["pool_id"], {})[row["holder"]] = row["oldest"]
    return found


class StateCache:
    """Keeps in memory what changes rarely about a pool, as long as its epoch stands still.

    The epoch is read with the hot facts and guarded by the pool's version when the decision is
    written, so that a stale copy is never decided on.
    """

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs
        self._states: dict[PoolId, tuple[int, PoolState]] = {}

    async def get(
        self, connection: Any, pools: Mapping[PoolId, PoolVersion]
    ) -> dict[PoolId, PoolState]:
        """Return the state of each pool, reading those whose epoch has moved."""
        stale = [
            pool_id
            for pool_id, seen in pools.items()
            if pool_id not in self._states or self._states[pool_id][0] != seen.epoch
        ]
        if stale:
            self._states.update(await load_states(connection, stale, self._knobs))
        return {pool_id: self._states[pool_id][1] for pool_id in pools}

    async def read(self, connection: Any, pool_id: PoolId) -> PoolState | None:
        """Read the state of a pool, None when there is none."""
        self._states.update(await load_states(connection, [pool_id], self._knobs))
        return self.peek(pool_id)

    def peek(self, pool_id: PoolId) -> PoolState | None:
        """Return the last state read of a pool, None before the first; it may be old."""
        known = self._states.get(pool_id)
        return known[1] if known else None


async def load_states(
    connection: Any, pool_ids: Sequence[PoolId], knobs: Knobs
) -> dict[PoolId, tuple[int, PoolState]]:
    """Read epoch and state of each pool; `knobs` are what pools and numbers turn.

    The pools are read first: if one changes between the statements its state is newer than its
    epoch says, and is simply read again next time.
    """
    pools = await connection.fetch(SQL["pools"], pool_ids)
    number_rows = await connection.fetch(SQL["numbers"], pool_ids)
    numbers = [number_facts(row) for row in number_rows]
    own = {row["phone_number_id"]: orjson.loads(row["knobs"]) for row in number_rows}
    waba_ids = sorted({number.waba_id for number in numbers})
    restrictions = await _restrictions(connection, waba_ids)
    templates = await _templates(connection, waba_ids)
    synced = await connection.fetch(SQL["synced_wabas"], waba_ids)
    synced_wabas = frozenset(WabaId(row["waba_id"]) for row in synced)
    states = {}
    for row in pools:
        pool_id = PoolId(row["pool_id"])
        members = {n.phone_number_id: n for n in numbers if n.pool_id == pool_id}
        of_pool = orjson.loads(row["knobs"])
        states[pool_id] = (
            row["epoch"],
            PoolState(
                regime=Regime(row["regime"]),
                messaging_limit=row["messaging_limit"],
                headroom=row["headroom"],
                numbers=members,
                restrictions=restrictions,
                templates=templates,
                synced_wabas=synced_wabas,
                knobs={number: turned(knobs, of_pool, own[number]) for number in members},
                shares=_shares(row["shares"]),
            ),
        )
    return states


def _shares(written: str) -> dict[Holder, Share]:
    """Read the shares of a pool; what only a newer version knows of is passed over."""
    return {
        holder: Share(**{name: share[name] for name in Share._fields if name in share})
        for holder, share in orjson.loads(written).items()
    }


async def _restrictions(
    connection: Any, waba_ids: Sequence[WabaId]
) -> dict[WabaId, tuple[RestrictionFacts, ...]]:
    found: dict[WabaId, tuple[RestrictionFacts, ...]] = {}
    for row in await connection.fetch(SQL["restrictions"], waba_ids):
        restriction = RestrictionFacts(
            RestrictionType.of(row["restriction_type"]), row["restricted_until"]
        )
        found[row["waba_id"]] = (*found.get(row["waba_id"], ()), restriction)
    return found


async def _templates(
    connection: Any, waba_ids: Sequence[WabaId]
) -> dict[tuple[WabaId, TemplateKey], TemplateFacts]:
    return {
        (WabaId(row["waba_id"]), TemplateKey(row["name"], row["language"])): TemplateFacts(
            TemplateCategory.of(row["category"]),
            TemplateStatus.of(row["status"]),
            row["paused_until"],
            row["ttl_s"],
        )
        for row in await connection.fetch(SQL["templates"], waba_ids)
    }
