"""Asks Meta at intervals how numbers and templates stand, since a webhook may be lost."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from gateway.clock import Clock
from gateway.cloud.client import CloudClient, CloudError
from gateway.policy.knobs import Knobs
from gateway.policy.number_clock import flag
from gateway.policy.recovery import recovering
from gateway.store import numbers, pools, quota, templates
from gateway.store.database import Database
from gateway.store.directory import Directory
from gateway.store.numbers import NumberRow
from gateway.store.pools import LimitSource
from gateway.store.templates import Listed
from gateway.whatsapp.ids import WabaId
from gateway.whatsapp.number import (
    NumberStatus,
    QualityRating,
    Regime,
    parse_limit,
    throughput_of,
)
from gateway.whatsapp.template import (
    TemplateCategory,
    TemplateKey,
    TemplateStatus,
    normalise_language,
)

LEAST_PAUSE: Final = timedelta(minutes=1)
LONGEST_TTL_S: Final = 30 * 86_400
STOPPED: Final = frozenset({NumberStatus.RESTRICTED, NumberStatus.RATE_LIMITED})
AT_ITS_LIMIT: Final = frozenset({"ledger", "limit"})


class Poller:
    """Reads every number and template list once a sweep, with the tokens of the vault.

    Source: W-PNQ names no webhook for a changed rating any more, so the node is polled (R§4.1).
    """

    def __init__(
        self,
        database: Database,
        directory: Directory,
        cloud: CloudClient,
        clock: Clock,
        knobs: Knobs,
    ) -> None:
        self._database = database
        self._directory = directory
        self._cloud = cloud
        self._clock = clock
        self._knobs = knobs
        self.changed: Callable[[], None] = _nobody
        self.wanted: Callable[[], None] = _nobody
        self._hastened_at: datetime | None = None
        self._log = structlog.get_logger("gateway.watch.poller")

    def hasten(self) -> None:
        """Have Meta asked soon, because it seems to know more than we do.

        A campaign that Meta refuses brings one such hint a message, and calls to nodes are capped
        (ABOUT, 11 Sep 2026, R§5.3), so a hint within a minute of the last one is passed over.
        """
        now = self._clock.now()
        if self._hastened_at is None or now - self._hastened_at >= LEAST_PAUSE:
            self._hastened_at = now
            self.wanted()

    async def run_once(self) -> int:
        """Poll everything once; return how many nodes and lists were read."""
        read = 0
        for waba_id in sorted(self._directory.waba_ids):
            token = self._directory.token_of(waba_id)
            if token is None:
                continue
            read += await self._try(self._poll_templates(waba_id, token), waba_id)
            async with self._database.connection() as connection:
                rows = await numbers.of_waba(connection, waba_id)
            for row in rows:
                read += await self._try(self._poll_number(row, token), row.facts.phone_number_id)
        if read:
            self.changed()
        return read

    async def _try(self, poll: Awaitable[None], node: str) -> int:
        """Tell how many nodes were read: one that cannot be read holds up no other."""
        try:
            await poll
        except CloudError as error:
            self._log.warning("poll failed", node=node, error=str(error))
            return 0
        return 1

    async def _poll_templates(self, waba_id: WabaId, token: str) -> None:
        at = self._clock.now()
        listed = [
            entry
            for raw in await self._cloud.get_templates(waba_id, token)
            if (entry := _listed(raw)) is not None
        ]
        async with self._database.transaction() as connection:
            await quota.touch(connection, await templates.pools_of_waba(connection, waba_id))
            await templates.sync(connection, waba_id, listed, _spoken(at))

    async def _poll_number(self, row: NumberRow, token: str) -> None:
        at = self._clock.now()
        node = await self._cloud.get_number(row.facts.phone_number_id, token)
        await self._take_over(row, node, at)

    async def _take_over(self, row: NumberRow, node: Mapping[str, Any], at: datetime) -> None:
        async with self._database.transaction() as connection:
            await quota.touch(connection, [row.facts.pool_id])
            current = await numbers.get(connection, row.facts.phone_number_id)
            await numbers.save(connection, heard(current, node, self._knobs, at))
            limit = _limit(current.regime, node)
            if limit is not None:
                await pools.set_limit(
                    connection, row.facts.pool_id, limit, LimitSource.READING, _spoken(at)
                )


def heard(row: NumberRow, node: Mapping[str, Any], knobs: Knobs, at: datetime) -> NumberRow:
    """Return the number as a node read at `at` describes it; Meta's word beats our clocks.

    A number we took for RESTRICTED because our own ledger was full stays so although Meta says
    CONNECTED: we stop short of Meta's limit by the headroom, so Meta has not noticed. If it has,
    and says RESTRICTED, it is for the limit that was reached.
    """
    facts = row.facts
    quality = QualityRating.of(node.get("quality_rating"))
    status = NumberStatus.of(node.get("status"))
    if quality is not QualityRating.UNKNOWN:
        facts = replace(facts, quality_rating=quality)
    if status is NumberStatus.FLAGGED and row.regime is Regime.PER_NUMBER:
        facts = replace(flag(facts, knobs, at), status=NumberStatus.CONNECTED)
    elif status in STOPPED:
        until = at + knobs.restricted_for
        by = "limit" if facts.restricted_by in AT_ITS_LIMIT else "meta"
        facts = replace(
            facts, status=NumberStatus.CONNECTED, restricted_until=until, restricted_by=by
        )
    elif status is not NumberStatus.UNKNOWN:
        facts = replace(facts, status=status, flagged_until=None)
        if facts.restricted_by != "ledger":
            facts = replace(facts, restricted_until=None, restricted_by=None)
    facts = replace(facts, recovering_since=recovering(row.facts, facts, at))
    return replace(
        row,
        facts=facts,
        throughput=throughput_of(node) or row.throughput,
        status_at=_spoken(at),
        quality_at=_spoken(at),
        polled_at=at,
    )


def _spoken(at: datetime) -> datetime:
    """Return the hour of a reading as Meta's webhooks tell theirs: in whole seconds.

    With its fraction it would beat what a webhook tells of later in the same second.
    """
    return at.replace(microsecond=0)


def _limit(regime: Regime, node: Mapping[str, Any]) -> int | None:
    if regime is Regime.PER_NUMBER:
        return parse_limit(node.get("messaging_limit_tier"))
    return parse_limit(node.get("whatsapp_business_manager_messaging_limit"))


def _listed(raw: Mapping[str, Any]) -> Listed | None:
    name, language = raw.get("name"), raw.get("language")
    if not isinstance(name, str) or not isinstance(language, str):
        return None
    return Listed(
        TemplateKey(name, normalise_language(language)),
        str(raw.get("id", "")),
        TemplateCategory.of(raw.get("category")),
        TemplateStatus.of(raw.get("status")),
        _ttl_s(raw.get("message_send_ttl_seconds")),
    )


def _ttl_s(raw: Any) -> int | None:
    """Return a template's validity in seconds, None where none is named.

    Source: TTL (late 2025), -1 is the longest (R§6.4).
    """
    if not isinstance(raw, int) or isinstance(raw, bool):
        return None
    return min(raw, LONGEST_TTL_S) if raw > 0 else LONGEST_TTL_S if raw == -1 else None


def _nobody() -> None:
    """Stand in until somebody wants to know of changes."""
