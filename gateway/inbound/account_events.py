"""Learns from what Meta says of accounts, numbers, limits and templates."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from gateway.policy.knobs import Knobs
from gateway.policy.number_clock import flag
from gateway.policy.recovery import recovering
from gateway.store import numbers, pools, quota, templates
from gateway.store.numbers import NumberRow
from gateway.store.pools import LimitSource
from gateway.store.templates import StatusNote
from gateway.whatsapp.events import (
    AccountRestriction,
    AccountUpdate,
    CapabilityUpdate,
    Event,
    QualityEvent,
    QualityUpdate,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateStatusUpdate,
)
from gateway.whatsapp.ids import PoolId
from gateway.whatsapp.number import NumberStatus, QualityRating, Regime
from gateway.whatsapp.template import TemplateStatus

# How long a pause for low quality lasts. Source: PAUSE (22 Oct 2025), R§6.4.
PAUSES: Final = {"FIRST_PAUSE": timedelta(hours=3), "SECOND_PAUSE": timedelta(hours=6)}

# Webhooks leave out the fraction of the second: what they tell of began up to a second later.
TOLD_TO_THE_SECOND: Final = timedelta(seconds=1)

REINSTATED: Final = "REINSTATE"

# What an account event makes of the account's numbers. Source: W-ACC (21 May 2026), R§6.2.
STATUS_AFTER: Final = {
    ("DISABLED_UPDATE", "DISABLE"): NumberStatus.BANNED,
    ("DISABLED_UPDATE", REINSTATED): NumberStatus.CONNECTED,
    ("ACCOUNT_DELETED", None): NumberStatus.DELETED,
    ("ACCOUNT_OFFBOARDED", None): NumberStatus.DISCONNECTED,
    ("ACCOUNT_RECONNECTED", None): NumberStatus.CONNECTED,
}
HIGH_THROUGHPUT: Final = 1000  # messages a second. Source: THR (11 Sep 2026), R§5.1

TemplateEvent = TemplateStatusUpdate | TemplateCategoryUpdate | TemplateQualityUpdate


class AccountEvents:
    """Applies the events that speak of a whole account or number; `changed` hears of each."""

    def __init__(self, knobs: Knobs, changed: Callable[[], None]) -> None:
        self._knobs = knobs
        self._changed = changed
        self._log = structlog.get_logger("gateway.inbound.account_events")

    async def apply(self, connection: Any, events: Sequence[Event]) -> None:
        """Apply what is ours among `events`, each in a transaction of its own, in their order."""
        for event in events:
            match event:
                case QualityUpdate():
                    await self._quality(connection, event)
                case CapabilityUpdate():
                    await self._capability(connection, event)
                case AccountRestriction():
                    await self._restriction(connection, event)
                case AccountUpdate():
                    await self._account(connection, event)
                case TemplateStatusUpdate() | TemplateCategoryUpdate() | TemplateQualityUpdate():
                    await self._template(connection, event)
                case _:
                    continue
            self._changed()

    async def _quality(self, connection: Any, event: QualityUpdate) -> None:
        for number in await numbers.of_waba(connection, event.waba_id):
            if _digits(number.display_phone_number) != event.display_phone_number:
                continue
            async with connection.transaction():
                await quota.touch(connection, [number.facts.pool_id])
                current = await numbers.get(connection, number.facts.phone_number_id)
                await self._heard(connection, current, event)

    async def _heard(self, connection: Any, number: NumberRow, event: QualityUpdate) -> None:
        limit = event.business_limit
        if number.regime is Regime.PER_NUMBER:
            limit = event.current_limit
        if limit is not None:
            await pools.set_limit(
                connection, number.facts.pool_id, limit, LimitSource.META, event.at
            )
        if event.at >= number.quality_at:
            await numbers.save(connection, _after(number, event, self._knobs))

    async def _capability(self, connection: Any, event: CapabilityUpdate) -> None:
        for number in await numbers.of_waba(connection, event.waba_id):
            is_own = number.regime is Regime.PER_NUMBER
            limit = event.phone_limit if is_own else event.business_limit
            if limit is None:
                continue
            async with connection.transaction():
                await quota.touch(connection, [number.facts.pool_id])
                await pools.set_limit(
                    connection, number.facts.pool_id, limit, LimitSource.META, event.at
                )

    async def _restriction(self, connection: Any, event: AccountRestriction) -> None:
        async with connection.transaction():
            await quota.touch(connection, await self._pools(connection, event.waba_id))
            for restriction in event.restrictions:
                await numbers.put_restriction(
                    connection, event.waba_id, restriction.raw_type, restriction.until, event.at
                )
        kinds = [restriction.raw_type for restriction in event.restrictions]
        self._log.warning("account restricted", waba_id=event.waba_id, restrictions=kinds)

    async def _account(self, connection: Any, event: AccountUpdate) -> None:
        self._log.warning(
            "account update",
            waba_id=event.waba_id,
            account_event=event.event,
            ban_state=event.ban_state,
            violation=event.violation_type,
        )
        status = STATUS_AFTER.get((event.event, event.ban_state))
        if status is None:
            return
        if event.ban_state == REINSTATED:
            async with connection.transaction():
                await quota.touch(connection, await self._pools(connection, event.waba_id))
                await numbers.lift_restrictions(connection, event.waba_id, event.at)
        for number in await numbers.of_waba(connection, event.waba_id):
            async with connection.transaction():
                await quota.touch(connection, [number.facts.pool_id])
                # Read again under the pool's lock: somebody else may have changed it.
                current = await numbers.get(connection, number.facts.phone_number_id)
                if event.at < current.status_at:
                    continue
                facts = replace(current.facts, status=status)
                since = recovering(current.facts, facts, event.at)
                facts = replace(facts, recovering_since=since)
                await numbers.save(connection, replace(current, facts=facts, status_at=event.at))

    async def _template(self, connection: Any, event: TemplateEvent) -> None:
        async with connection.transaction():
            await quota.touch(connection, await self._pools(connection, event.waba_id))
            match event:
                case TemplateStatusUpdate():
                    await _note_status(connection, event)
                case TemplateCategoryUpdate():
                    await templates.note_category(
                        connection, event.waba_id, event.key, event.category, event.at
                    )
                case TemplateQualityUpdate():
                    await templates.note_quality(
                        connection, event.waba_id, event.key, event.current
                    )

    async def _pools(self, connection: Any, waba_id: Any) -> list[PoolId]:
        return await templates.pools_of_waba(connection, waba_id)


async def _note_status(connection: Any, event: TemplateStatusUpdate) -> None:
    if event.status is TemplateStatus.UNKNOWN:
        return  # says nothing about whether the template may be sent
    note = StatusNote(
        key=event.key,
        template_id=event.template_id,
        category=event.category,
        status=event.status,
        at=event.at,
        paused_until=_paused_until(event),
    )
    await templates.note_status(connection, event.waba_id, note)


def _paused_until(event: TemplateStatusUpdate) -> datetime | None:
    pause = PAUSES.get(event.title or "")
    if event.status is not TemplateStatus.PAUSED or pause is None:
        return None
    return event.at + pause + TOLD_TO_THE_SECOND


def _after(number: NumberRow, event: QualityUpdate, knobs: Knobs) -> NumberRow:
    """Return the number as the event leaves it (R§4.3, R§6.3)."""
    facts = number.facts
    match event.event:
        case QualityEvent.FLAGGED if number.regime is Regime.PER_NUMBER:
            facts = flag(facts, knobs, event.at)
        case QualityEvent.FLAGGED:
            facts = replace(facts, quality_rating=QualityRating.RED)
        case QualityEvent.UNFLAGGED:
            # Medium or high again; the next reading of the node tells which.
            facts = replace(facts, flagged_until=None, quality_rating=QualityRating.YELLOW)
        case QualityEvent.DOWNGRADE:
            facts = replace(facts, flagged_until=None)
        case QualityEvent.THROUGHPUT_UPGRADE:
            return replace(number, throughput=HIGH_THROUGHPUT, quality_at=event.at)
        case QualityEvent.UPGRADE | QualityEvent.ONBOARDING | QualityEvent.UNKNOWN:
            return number
    facts = replace(facts, recovering_since=recovering(number.facts, facts, event.at))
    return replace(number, facts=facts, quality_at=event.at)


def _digits(display_phone_number: str) -> str:
    return "".join(char for char in display_phone_number if char.isdigit())
