"""Loads what a batch of decisions has to know."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from gateway.policy.facts import RestrictionFacts, TemplateFacts, UserFacts
from gateway.policy.fold import Candidate, PoolState
from gateway.store.numbers import number_facts
from gateway.store.queries import beside
from gateway.whatsapp.ids import PoolId, WabaId
from gateway.whatsapp.number import Regime
from gateway.whatsapp.restriction import RestrictionType
from gateway.whatsapp.template import TemplateCategory, TemplateKey, TemplateStatus

SQL = beside(__file__)


class PoolVersion(NamedTuple):
    """How a pool stood when its facts were read."""

    version: int
    epoch: int
    counted: int


class HotFacts(NamedTuple):
    """What changes with every send: the pools' versions, and user by user in batch order."""

    pools: dict[PoolId, PoolVersion]
    users: list[UserFacts]


async def load_hot(connection: Any, batch: Sequence[Candidate]) -> HotFacts:
    """Read the hot facts of a batch in one statement, hence from one snapshot."""
    rows = await connection.fetch(
        SQL["hot"],
        [candidate.pool_id for candidate in batch],
        [candidate.phone_number_id for candidate in batch],
        [candidate.user_id for candidate in batch],
    )
    hot = HotFacts({}, [])
    for candidate, row in zip(batch, rows, strict=True):
        version, epoch, counted, reached_at, inbound_at, tat, stopped = row
        hot.pools[candidate.pool_id] = PoolVersion(version, epoch, counted)
        hot.users.append(UserFacts(reached_at, inbound_at, tat, stopped))
    return hot


async def load_oldest(
    connection: Any, skipped: Mapping[PoolId, int]
) -> dict[PoolId, datetime | None]:
    """Return the oldest ledger entry of each pool after so many, None where there is none."""
    rows = await connection.fetch(SQL["next_slots"], list(skipped), list(skipped.values()))
    return {row["pool_id"]: row["oldest"] for row in rows}


class StateCache:
    """Keeps in memory what changes rarely about a pool, as long as its epoch stands still.

    The epoch is read with the hot facts and guarded by the pool's version when the decision is
    written, so that a stale copy is never decided on.
    """

    def __init__(self) -> None:
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
            self._states.update(await load_states(connection, stale))
        return {pool_id: self._states[pool_id][1] for pool_id in pools}


async def load_states(
    connection: Any, pool_ids: Sequence[PoolId]
) -> dict[PoolId, tuple[int, PoolState]]:
    """Read epoch and state of each pool.

    The pools are read first: if one changes between the statements its state is newer than its
    epoch says, and is simply read again next time.
    """
    pools = await connection.fetch(SQL["pools"], pool_ids)
    numbers = [number_facts(row) for row in await connection.fetch(SQL["numbers"], pool_ids)]
    waba_ids = sorted({number.waba_id for number in numbers})
    restrictions = await _restrictions(connection, waba_ids)
    templates = await _templates(connection, waba_ids)
    synced = await connection.fetch(SQL["synced_wabas"], waba_ids)
    synced_wabas = frozenset(WabaId(row["waba_id"]) for row in synced)
    return {
        PoolId(row["pool_id"]): (
            row["epoch"],
            PoolState(
                regime=Regime(row["regime"]),
                messaging_limit=row["messaging_limit"],
                headroom=row["headroom"],
                numbers={n.phone_number_id: n for n in numbers if n.pool_id == row["pool_id"]},
                restrictions=restrictions,
                templates=templates,
                synced_wabas=synced_wabas,
            ),
        )
        for row in pools
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
        )
        for row in await connection.fetch(SQL["templates"], waba_ids)
    }
