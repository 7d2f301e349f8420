"""Releases what is parked as soon as it is due: claims it, and sends it the way every message goes.

A claim is a lease: what a process that is gone had claimed is anybody's again. The desk decides on
fresh facts, and what may still not go is parked until the hour that it names. No more is claimed of
a number than its line can take soon, so that a million parked messages cost no memory.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from gateway.clock import Clock
from gateway.outbound.admission import LeaseLostError
from gateway.outbound.audience import Audience
from gateway.outbound.contents import Contents, unpack
from gateway.outbound.courier import AUTHORIZATION
from gateway.outbound.dispatch import Dispatcher, Request
from gateway.outbound.pacing import CongestedError, Line, Pacing
from gateway.outbound.rests import LeavingError
from gateway.outbound.submission import Submission
from gateway.policy.fold import Candidate
from gateway.policy.parcel import Parcel
from gateway.store import outbox
from gateway.store.database import Database
from gateway.store.directory import Directory
from gateway.store.outbox import Claimed, Due, Lease
from gateway.store.vault import Vault, VaultError
from gateway.whatsapp.ids import PhoneNumberId
from gateway.whatsapp.message import Message, parse

LEASE: Final = timedelta(seconds=60)
PATIENCE_S: Final = 10.0
"""How long what was claimed may wait in line before it is put back."""
AHEAD_S: Final = 1.0
"""What a line can take within so long is claimed of it."""
MOST: Final = 512
RELEASE_S: Final = 0.5
"""How often to look for what has become due."""
BROKEN: Final = timedelta(minutes=5)
"""What cannot be unpacked, or has no token, is tried again so much later."""


class NoTokenError(Exception):
    """The vault has no access token for an account (any more)."""


@dataclass(frozen=True, slots=True)
class ReleaseParts:
    """What the releaser works with."""

    database: Database
    directory: Directory
    dispatcher: Dispatcher
    pacing: Pacing
    vault: Vault
    clock: Clock


class Releaser:
    """Claims and sends; `run_once` starts what can be started and does not wait for its end."""

    def __init__(self, parts: ReleaseParts, process_id: UUID) -> None:
        self._parts = parts
        self._process_id = process_id
        self._under_way: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._had_no_room: set[str] = set()
        self._is_leaving = False
        self.on_room: Callable[[], None] = _nobody
        """Called when there is room again for a number of which more is due."""
        self._log = structlog.get_logger("gateway.outbound.release")

    async def run_once(self) -> int:
        """Claim what is due and fits; return how many were started."""
        if self._is_leaving:
            return 0
        now = self._parts.clock.now()
        async with self._parts.database.connection() as connection:
            await outbox.rescue(connection, now)
            numbers = await outbox.numbers_due(connection, now)
        started = 0
        for phone_number_id, throughput in numbers:
            line = self._parts.pacing.line(phone_number_id, throughput)
            started += await self._release(line)
        return started

    def leave(self) -> None:
        """Claim nothing any more: this process is going away."""
        self._is_leaving = True

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _release(self, line: Line) -> int:
        number = line.phone_number_id
        room = _room(line) - self._under_way[number]
        if room <= 0:
            self._had_no_room.add(number)
            return 0
        now = self._parts.clock.now()
        lease = Lease(self._process_id, now, now + LEASE)
        async with self._parts.database.connection() as connection:
            claimed = await outbox.claim(connection, PhoneNumberId(number), room, lease)
        if len(claimed) == room:
            self._had_no_room.add(number)
        for one in claimed:
            self._under_way[number] += 1
            task = asyncio.create_task(self._send(one, line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(claimed)

    async def _send(self, claimed: Claimed, line: Line) -> None:
        try:
            request = self._request(claimed)
            await self._parts.dispatcher.handle(request, line)
        except LeaseLostError:
            self._log.info("another process has it", message_id=claimed.message_id.hex)
        except CongestedError as error:
            await self._put_back(claimed, timedelta(seconds=error.retry_after_s), "throughput")
        except LeavingError as error:
            await self._put_back(claimed, timedelta(0), str(error))
        except (VaultError, NoTokenError) as error:
            await self._put_back(claimed, BROKEN, str(error))
        except Exception as error:  # noqa: BLE001 - one that fails must not end the others
            self._log.warning("release failed", error=f"{type(error).__name__}: {error}")
        finally:
            self._left(line)

    def _left(self, line: Line) -> None:
        """Look for more as soon as half of the room is free, not for each by itself."""
        number = line.phone_number_id
        self._under_way[number] -= 1
        if number in self._had_no_room and self._under_way[number] <= _room(line) // 2:
            self._had_no_room.discard(number)
            self.on_room()

    async def _put_back(self, claimed: Claimed, wait: timedelta, reason: str) -> None:
        due_at = self._parts.clock.now() + wait
        due = Due(claimed.pool_id, claimed.message_id, due_at, "throughput", reason)
        async with self._parts.database.connection() as connection:
            await outbox.put_back(connection, [due], self._process_id)

    def _request(self, claimed: Claimed) -> Request:
        contents = unpack(claimed.sealed, self._parts.vault)
        message = parse(contents.body)
        if not isinstance(message, Message):
            raise TypeError("only messages are parked")
        parcel = Parcel(
            waba_id=claimed.waba_id,
            send_class=claimed.send_class,
            path=claimed.path,
            sealed=claimed.sealed,
            expires_at=claimed.expires_at,
            waits=True,
            resends=claimed.resends,
            attempts=claimed.attempts,
        )
        candidate = Candidate(
            claimed.phone_number_id, claimed.pool_id, claimed.user_id, message, claimed.app_id
        )
        submission = Submission(
            claimed.message_id,
            claimed.app_id,
            candidate,
            correlated=True,
            parcel=parcel,
            leased_by=self._process_id,
        )
        return Request(
            submission,
            claimed.path,
            contents.body,
            contents.headers | {AUTHORIZATION: self._authorization(claimed, contents)},
            PATIENCE_S,
            Audience(),
            claimed.waba_id,
            own_token=contents.own_token is not None,
        )

    def _authorization(self, claimed: Claimed, contents: Contents) -> str:
        if contents.own_token is not None:
            return contents.own_token
        token = self._parts.directory.token_of(claimed.waba_id)
        if token is None:
            raise NoTokenError(f"the gateway has no access token for account {claimed.waba_id}")
        return f"Bearer {token}"


def _room(line: Line) -> int:
    return min(max(int(line.grant.rate * AHEAD_S), 1), MOST)


def _nobody() -> None:
    """Stand in until somebody runs the releaser."""
