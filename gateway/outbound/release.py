"""Releases what is parked as soon as it is due: claims it, and sends it the way every message goes.

A claim is a lease: what a process that is gone had claimed is anybody's again. The desk decides on
fresh facts, and what may still not go waits on. No more is claimed of a number than its line can
take soon, and nothing behind a gate that is shut, so that a million parked messages cost neither
memory nor the desk's time.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final, NamedTuple
from uuid import UUID

import structlog
from multidict import CIMultiDict

from gateway.clock import Clock
from gateway.metrics import Metrics
from gateway.outbound.admission import LeaseLostError, TooLateError
from gateway.outbound.audience import Audience
from gateway.outbound.contents import Contents, unpack
from gateway.outbound.courier import AUTHORIZATION
from gateway.outbound.dispatch import Dispatcher, Handled, Request
from gateway.outbound.gates import Gates
from gateway.outbound.pacing import CongestedError, Line, Pacing
from gateway.outbound.rests import LeavingError
from gateway.outbound.submission import Submission
from gateway.policy.fold import Candidate
from gateway.policy.parcel import SHARED, Parcel, topic_of
from gateway.policy.verdict import Decision
from gateway.store import outbox
from gateway.store.database import Database
from gateway.store.directory import Directory
from gateway.store.errors import StoreUnavailableError, UnknownNumberError
from gateway.store.outbox import Claimed, Due, DueGroup, Group, Lease
from gateway.store.vault import Vault
from gateway.whatsapp.callback import unwrap
from gateway.whatsapp.ids import PhoneNumberId, PoolId
from gateway.whatsapp.message import Message, parse

LEASE: Final = timedelta(seconds=60)
PATIENCE_S: Final = 10.0
"""How long what was claimed may wait in line before it is put back."""
AHEAD_S: Final = 1.0
"""What a line can take within so long is claimed of it."""
MOST: Final = 1024
"""So many are on their way out of the outbox at once, over all numbers."""
STARTED_AT_ONCE: Final = 8
"""Between so many and the next the loop looks at its sockets."""
RELEASE_S: Final = 0.5
"""How often to look for what has become due."""
BROKEN: Final = timedelta(minutes=5)
"""What cannot be unpacked, or has no token, is tried again so much later."""


class NoTokenError(Exception):
    """The vault has no access token for an account (any more)."""


class Held(NamedTuple):
    """A parcel, and the lease on which this process has claimed it."""

    claimed: Claimed
    lease: Lease


@dataclass(frozen=True, slots=True)
class ReleaseParts:
    """What the releaser works with."""

    database: Database
    directory: Directory
    dispatcher: Dispatcher
    pacing: Pacing
    vault: Vault
    clock: Clock
    metrics: Metrics


class Releaser:
    """Claims and sends; `run_once` starts what can be started and does not wait for its end."""

    def __init__(self, parts: ReleaseParts, process_id: UUID) -> None:
        self._parts = parts
        self._process_id = process_id
        self._gates = Gates()
        self._under_way: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_work_on: set[UUID] = set()
        self._hungry: set[str] = set()
        """Numbers of which there may be more than was claimed."""
        self._has_strays = False
        """The database was away: there may be claims of ours on which nobody works."""
        self._is_leaving = False
        self.on_room: Callable[[], None] = _nobody
        """Called when it is worth looking for more."""
        self._log = structlog.get_logger("gateway.outbound.release")

    async def run_once(self) -> int:
        """Claim what is due and fits; return how many were started."""
        if self._is_leaving:
            return 0
        now = self._parts.clock.now()
        async with self._parts.database.connection() as connection:
            await self._let_strays_go(connection)
            await outbox.rescue(connection, now)
            expired = await outbox.expire(connection, now)
            due = await outbox.due(connection, now)
        if expired:
            self._parts.metrics.expired.inc(len(expired))
        if len(expired) == outbox.MOST_AT_ONCE:
            self.on_room()
        self._gates.keep({each.group for each in due})
        started = 0
        # No number's advertising goes before another's codes.
        for rank in sorted({each.group.rank for each in due}):
            started += await self._release([e for e in due if e.group.rank == rank], now)
        return started

    def leave(self) -> None:
        """Claim nothing any more: this process is going away."""
        self._is_leaving = True

    def lift(self, pool_id: str | None = None) -> None:
        """Try again what waits in a pool of which something has changed; None: in any."""
        self._gates.lift(None if pool_id is None else PoolId(pool_id))
        self.on_room()

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _let_strays_go(self, connection: Any) -> None:
        """Free what the database could not be told of, rather than let its lease lapse."""
        if self._has_strays:
            self._has_strays = False
            with self._straying():
                freed = await outbox.let_go(connection, self._process_id, self._at_work_on)
            self._log.info("let go what the database was away for", parcels=freed)

    @contextmanager
    def _straying(self) -> Iterator[None]:
        """Remember that there may be claims of which we do not know."""
        try:
            yield
        except StoreUnavailableError:
            self._has_strays = True
            raise

    async def _release(self, due: Sequence[DueGroup], now: datetime) -> int:
        """Claim what fits of groups of one class, and send it."""
        lines: dict[PhoneNumberId, Line] = {}
        groups: dict[PhoneNumberId, list[Group]] = defaultdict(list)
        for group, _, throughput in due:
            number = group.phone_number_id
            lines[number] = self._parts.pacing.line(number, throughput)
            groups[number].append(group)
        most = self._shared_out(lines, groups, now)
        if not most:
            return 0
        lease = Lease(self._process_id, now, now + LEASE)
        with self._straying():
            async with self._parts.database.connection() as connection:
                claimed = await outbox.claim(connection, most, lease)
        for place, one in enumerate(claimed):
            self._hungry.add(one.phone_number_id)
            self._start(Held(one, lease), lines[one.phone_number_id])
            if place % STARTED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return len(claimed)

    def _shared_out(
        self,
        lines: Mapping[PhoneNumberId, Line],
        groups: Mapping[PhoneNumberId, Sequence[Group]],
        now: datetime,
    ) -> dict[Group, int]:
        """Say how many to claim of which group.

        Each number gets as much as the next, and no more than its line can take soon.
        """
        most: dict[Group, int] = {}
        left = MOST - len(self._tasks)
        by_need = sorted(lines, key=lambda number: self._under_way[number])
        for place, number in enumerate(by_need):
            share = ceil(left / (len(by_need) - place))
            room = min(_room(lines[number]) - self._under_way[number], share)
            if room <= 0:
                self._hungry.add(number)
                continue
            divided = self._divided(groups[number], room, now)
            left -= sum(divided.values())
            most |= divided
        return most

    def _divided(self, groups: Sequence[Group], room: int, now: datetime) -> dict[Group, int]:
        """Divide room among apps alike, and an app's part among its groups."""
        of_app: dict[str, list[Group]] = defaultdict(list)
        for group in groups:
            if self._gates.width(group, now, room):
                of_app[group.app_id].append(group)
        share = ceil(room / max(len(of_app), 1))
        return {
            group: self._gates.width(group, now, ceil(share / len(open_groups)))
            for open_groups in of_app.values()
            for group in open_groups
        }

    def _start(self, held: Held, line: Line) -> None:
        self._under_way[line.phone_number_id] += 1
        self._at_work_on.add(held.claimed.message_id)
        task = asyncio.create_task(self._send(held, line, self._gates.age))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, held: Held, line: Line, age: int) -> None:
        claimed = held.claimed
        try:
            request = self._request(held)
            kind = await self._parts.dispatcher.kind_of(request.submission.candidate)
            handled = await self._parts.dispatcher.handle(request, line, kind)
            if handled.outcome is not None:
                self._parts.metrics.released(claimed.send_class)
            if age == self._gates.age:
                self._learn(claimed, request, handled)
        except LeaseLostError:
            self._log.info("its lease was over", message_id=claimed.message_id.hex)
        except StoreUnavailableError as error:
            self._has_strays = True
            self._log.warning("the database is away: it is let go later", error=str(error))
        except Exception as error:  # noqa: BLE001 - one that fails must not end the others
            await self._let_wait(held, error)
        finally:
            self._at_work_on.discard(claimed.message_id)
            self._left(line)

    async def _let_wait(self, held: Held, error: Exception) -> None:
        """Let a parcel wait that could not go, for as long as the reason lasts."""
        claimed, now = held.claimed, self._parts.clock.now()
        match error:
            case UnknownNumberError():
                await self._follow(held)
            case TooLateError():
                await self._put_back(held, "expired", "its time is over", None)
            case CongestedError(retry_after_s=seconds):
                self._shut(claimed.group, claimed.pool_id, now + timedelta(seconds=seconds))
                await self._put_back(held, "throughput", str(error), None)
            case LeavingError():
                await self._put_back(held, "draining", str(error), None)
            case NoTokenError():
                self._shut(claimed.group, claimed.pool_id, now + BROKEN)
                await self._put_back(held, "account", str(error), None)
            case _:
                problem = f"{type(error).__name__}: {error}"
                self._log.warning("release failed", id=claimed.message_id.hex, error=problem)
                await self._put_back(held, "unsendable", problem, now + BROKEN)

    def _learn(self, claimed: Claimed, request: Request, handled: Handled) -> None:
        """Open the gate for what could go; shut that of what is held back, where it waits now."""
        verdict, now = handled.admission.verdict, self._parts.clock.now()
        decisive, until = verdict.decisive, verdict.retry_at
        if verdict.decision is Decision.ADMIT:
            self._gates.passed(claimed.group, claimed.pool_id, now)
        elif decisive is not None and until is not None and decisive.rule in SHARED:
            topic = topic_of(decisive, request.submission.candidate.message.template)
            self._shut(claimed.group._replace(topic=topic), claimed.pool_id, until)

    def _shut(self, group: Group, pool_id: PoolId, until: datetime) -> None:
        self._gates.held(group, pool_id, until, self._parts.clock.now())

    def _left(self, line: Line) -> None:
        """Look for more as soon as half of the room is free, not for each by itself."""
        number = line.phone_number_id
        self._under_way[number] -= 1
        is_half_free = len(self._tasks) <= MOST // 2
        if number in self._hungry and is_half_free and self._under_way[number] <= _room(line) // 2:
            self._hungry.discard(number)
            self.on_room()

    async def _put_back(self, held: Held, rule: str, reason: str, due_at: datetime | None) -> None:
        """Let it wait; where the database is away it is let go later, or its lease lapses."""
        waiting = Due(held.claimed.pool_id, held.claimed.message_id, due_at, rule, reason)
        with suppress(StoreUnavailableError), self._straying():
            async with self._parts.database.connection() as connection:
                await outbox.put_back(connection, [waiting], held.lease)

    async def _follow(self, held: Held) -> None:
        """Let it wait in the pool that its number has moved to."""
        claimed = held.claimed
        with suppress(StoreUnavailableError), self._straying():
            async with self._parts.database.connection() as connection:
                await outbox.follow(connection, claimed.pool_id, claimed.message_id, held.lease)

    def _request(self, held: Held) -> Request:
        claimed = held.claimed
        contents = unpack(claimed.sealed, self._parts.vault)
        message = parse(contents.body)
        if not isinstance(message, Message):
            raise TypeError("only messages are parked")
        now = self._parts.clock.now()
        return Request(
            _submission(held, message),
            claimed.path,
            contents.body,
            CIMultiDict(
                [*contents.headers, (AUTHORIZATION, self._authorization(claimed, contents))]
            ),
            min(PATIENCE_S, max((claimed.expires_at - now).total_seconds(), 0.0)),
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


def _submission(held: Held, message: Message) -> Submission:
    claimed = held.claimed
    parcel = Parcel(
        waba_id=claimed.waba_id,
        send_class=claimed.send_class,
        path=claimed.path,
        sealed=claimed.sealed,
        expires_at=claimed.expires_at,
        waits=True,
        resends=claimed.resends,
        attempts=claimed.attempts,
        forgiven=claimed.forgiven,
    )
    candidate = Candidate(
        claimed.phone_number_id, claimed.pool_id, claimed.user_id, message, claimed.app_id
    )
    mark, _ = unwrap(message.callback_data)
    return Submission(
        claimed.message_id,
        claimed.app_id,
        candidate,
        correlated=mark == claimed.message_id.hex,
        parcel=parcel,
        lease=held.lease,
    )


def _room(line: Line) -> int:
    return max(int(line.grant.rate * AHEAD_S), 1)


def _nobody() -> None:
    """Stand in until somebody runs the releaser."""
