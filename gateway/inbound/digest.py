"""Reads the inbox and teaches the store what Meta has said.

Every effect is idempotent and guarded by the hour of the event, so that duplicates and disorder
change nothing; a delivery is closed only after its effects are written, so that a crash between
the two merely means doing it again.
"""

from collections.abc import Sequence
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.inbound.account_events import AccountEvents
from gateway.inbound.message_events import MessageEvents
from gateway.metrics import Metrics
from gateway.store import inbox
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.store.inbox import Delivered
from gateway.whatsapp.events import Event
from gateway.whatsapp.webhook import Delivery, UnreadableDelivery, read

LARGEST_BITE: Final = 64


class Digest:
    """Digests deliveries, oldest first, in bites; several processes may do so side by side."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        messages: MessageEvents,
        accounts: AccountEvents,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._clock = clock
        self._messages = messages
        self._accounts = accounts
        self._metrics = metrics
        self._log = structlog.get_logger("gateway.inbound.digest")

    async def run_once(self) -> int:
        """Digest until the inbox is empty; return how many deliveries were closed."""
        total = 0
        while bite := await self._bite():
            total += bite
        return total

    async def _bite(self) -> int:
        async with self._database.transaction() as connection:
            delivered = await inbox.claim(connection, LARGEST_BITE)
            if not delivered:
                return 0
            problems = await self._digest(delivered)
            closed = [(d.delivery_id, _writable(problems.get(d.delivery_id))) for d in delivered]
            await inbox.mark_digested(connection, self._clock.now(), closed)
        self._metrics.webhooks.labels("undigestible").inc(len(problems))
        self._metrics.webhooks.labels("digested").inc(len(delivered) - len(problems))
        return len(delivered)

    async def _digest(self, delivered: Sequence[Delivered]) -> dict[int, str]:
        """Apply deliveries; return the problems, by delivery."""
        problems: dict[int, str] = {}
        readable: list[tuple[Delivered, Delivery]] = []
        for one in delivered:
            try:
                delivery = read(one.body, one.received_at)
            except UnreadableDelivery as error:
                problems[one.delivery_id] = str(error)
                continue
            if delivery.problems:
                problems[one.delivery_id] = "; ".join(delivery.problems)
            readable.append((one, delivery))
        try:
            await self._apply([event for _, delivery in readable for event in delivery.events])
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one bad delivery must not hold up the others
            self._log.warning("digesting one by one", error=type(error).__name__)
            problems |= await self._digest_singly(readable)
        return problems

    async def _digest_singly(self, readable: list[tuple[Delivered, Delivery]]) -> dict[int, str]:
        problems: dict[int, str] = {}
        for one, delivery in readable:
            try:
                await self._apply(delivery.events)
            except StoreUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - it is kept and shown, the others go on
                self._log.exception("undigestible delivery", delivery_id=one.delivery_id)
                problems[one.delivery_id] = f"{type(error).__name__}: {error}"
        return problems

    async def _apply(self, events: Sequence[Event]) -> None:
        if events:
            async with self._database.connection() as connection:
                await self._messages.apply(connection, events)
                await self._accounts.apply(connection, events)


def _writable(problem: str | None) -> str | None:
    """Return the sentence without NUL, which may be quoted from Meta's JSON: no column holds it."""
    return problem and problem.replace("\0", "\N{REPLACEMENT CHARACTER}")
