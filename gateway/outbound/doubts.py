"""Ends doubts that nobody has resolved: gives a message up, or has it sent once more.

At most once is what most messages want: whatever may have arrived is not sent again. Where an app
would rather have it twice than never (by default: authentication), it is sent once more, as a
message of its own that names the first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from gateway.clock import Clock
from gateway.metrics import Metrics
from gateway.outbound.contents import pack, unpack
from gateway.store import doubts, inbox, outbox
from gateway.store.database import Database
from gateway.store.doubts import GivenUp, Kept
from gateway.store.errors import StoreUnavailableError
from gateway.store.message_ids import MessageIds
from gateway.store.outbox import ParkedRow
from gateway.store.vault import Vault, VaultError
from gateway.whatsapp.callback import unwrap, wrap
from gateway.whatsapp.message import EnvelopeError, Message, parse, with_callback_data

MOST_AT_ONCE: Final = 200
RULE: Final = "doubt"
RECOVERY: Final = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class DoubtParts:
    """What doubts are ended with."""

    database: Database
    vault: Vault
    clock: Clock
    ids: MessageIds
    metrics: Metrics


class Doubts:
    """Ends what has been in doubt for longer than `patience`."""

    def __init__(self, parts: DoubtParts, patience: timedelta) -> None:
        self._parts = parts
        self._patience = patience
        self._failed_at: datetime | None = None
        self._log = structlog.get_logger("gateway.outbound.doubts")

    async def run_once(self) -> int:
        """Go through all doubts that are old enough; return how many were ended.

        When the database comes back, those who know the answers write them down first.
        """
        now = self._parts.clock.now()
        if self._failed_at is not None and now - self._failed_at < RECOVERY:
            return 0
        ended, count = 0, MOST_AT_ONCE
        try:
            while count == MOST_AT_ONCE:
                count = await self._end_some(now)
                ended += count
        except StoreUnavailableError:
            self._failed_at = now
            raise
        return ended

    async def _end_some(self, now: datetime) -> int:
        async with self._parts.database.transaction() as connection:
            # What Meta has told in time counts, although there was no time yet to read it.
            read_until = min(now, await inbox.oldest(connection) or now)
            since = read_until - self._patience
            given_up = await doubts.give_up(connection, since, now, MOST_AT_ONCE)
            rows = [row for each in given_up if (row := self._again(each, now)) is not None]
            if rows:
                await outbox.park(connection, rows)
        for _ in rows:
            self._parts.metrics.doubt("resent")
        for _ in given_up[len(rows) :]:
            self._parts.metrics.doubt("given_up")
        if given_up:
            self._log.warning(
                "doubts were not resolved", given_up=len(given_up) - len(rows), resent=len(rows)
            )
        return len(given_up)

    def _again(self, given_up: GivenUp, now: datetime) -> ParkedRow | None:
        """Return the message that is to be sent in its place, None where there is none."""
        if given_up.kept is None:
            return None
        message_id = self._parts.ids.new(now)
        try:
            sealed = self._marked(given_up.kept, message_id)
        except (VaultError, ValueError, TypeError, EnvelopeError) as error:
            self._log.warning(
                "cannot be sent once more",
                message_id=given_up.message_id.hex,
                error=type(error).__name__,
            )
            return None
        kept = given_up.kept._asdict() | {"sealed": sealed}
        return ParkedRow(
            pool_id=given_up.pool_id,
            message_id=message_id,
            **kept,
            resends=False,
            due_at=now,
            rule=RULE,
            detail=f"Nobody knows whether message {given_up.message_id.hex} has arrived.",
            parked_at=now,
            type=given_up.type,
            template_name=given_up.template_name,
            template_language=given_up.template_language,
            category=given_up.category,
            code=None,
            correlated=True,
            resend_of=given_up.message_id,
        )

    def _marked(self, kept: Kept, message_id: UUID) -> bytes:
        """Return the sealed contents with the mark of the new message instead of the old one."""
        contents = unpack(kept.sealed, self._parts.vault)
        message = parse(contents.body)
        if not isinstance(message, Message):
            raise TypeError("only messages are parked")
        _, own = unwrap(message.callback_data)
        mark = wrap(message_id.hex, own)
        if mark is None:
            raise AssertionError("one mark is as long as another")
        body = with_callback_data(contents.body, message.callback_data, mark)
        return pack(contents._replace(body=body), self._parts.vault)
