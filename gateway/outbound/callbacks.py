"""Tells apps what became of their messages: signed, at least once, tried again for a day.

What is told is what the journal says at that moment. An app whose door fails is tried with one
event at a time, so that it neither holds up others nor is run over when it comes back.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import aiohttp
import orjson
import structlog

from gateway.clock import Clock
from gateway.metrics import Metrics
from gateway.outbound.standard_webhooks import signed
from gateway.outbound.told import event_of, view
from gateway.store import callbacks
from gateway.store.callbacks import Endpoint, Missed, Owed
from gateway.store.database import Database
from gateway.store.errors import StoreUnavailableError
from gateway.store.fates import Fate, fates
from gateway.store.vault import Vault, VaultError

CALLBACKS_S: Final = 0.5
TIMEOUT_S: Final = 10.0
LEASE: Final = timedelta(seconds=60)
AT_ONCE: Final = 16
"""Events on their way to one app."""
FIRST: Final = timedelta(seconds=5)
LONGEST: Final = timedelta(hours=1)
DOUBLINGS: Final = 10
JITTER: Final = 0.2
PERSISTENCE: Final = timedelta(hours=24)
TAKEN: Final = range(200, 300)
GONE: Final = 410
"""An app that does not want to be told any more."""


@dataclass(frozen=True, slots=True)
class CallbackParts:
    """What apps are told with; `rng` spreads what is tried again."""

    database: Database
    vault: Vault
    clock: Clock
    metrics: Metrics
    rng: random.Random


class Callbacks:
    """Delivers what is owed; `run_once` starts what it can and does not wait for its end."""

    def __init__(self, parts: CallbackParts, session: aiohttp.ClientSession) -> None:
        self._parts = parts
        self._session = session
        self._under_way: Counter[str] = Counter()
        self._failing: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_leaving = False
        self.on_room: Callable[[], None] = _nobody
        """Called when it is worth looking for more."""
        self._log = structlog.get_logger("gateway.outbound.callbacks")

    @classmethod
    def open(cls, parts: CallbackParts) -> "Callbacks":
        """Open a session of its own; `close` closes it."""
        session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            # Each app has its bound: what hangs at one must not keep others waiting.
            connector=aiohttp.TCPConnector(limit=0),
        )
        return cls(parts, session)

    def leave(self) -> None:
        """Claim nothing any more: this process is going away."""
        self._is_leaving = True

    async def settled(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Wait for what is under way, and close the session."""
        await self.settled()
        await self._session.close()

    async def run_once(self) -> int:
        """Claim what is due and fits; return how many deliveries were started."""
        if self._is_leaving:
            return 0
        now = self._parts.clock.now()
        async with self._parts.database.connection() as connection:
            doors = {door.app_id: door for door in await callbacks.endpoints(connection)}
            room = {app_id: self._room(app_id) for app_id in doors}
            owed = await callbacks.claim(connection, room, now, now + LEASE)
            known = await fates(connection, [each.message_id for each in owed])
        by_id = {fate.message_id: fate for fate in known}
        for each in owed:
            self._under_way[each.app_id] += 1
            work = self._deliver(each, by_id.get(each.message_id), doors[each.app_id])
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(owed)

    def _room(self, app_id: str) -> int:
        most = 1 if app_id in self._failing else AT_ONCE
        return max(most - self._under_way[app_id], 0)

    async def _deliver(self, owed: Owed, fate: Fate | None, door: Endpoint) -> None:
        try:
            event = None if fate is None else event_of(fate)
            if fate is None or event is None:
                problem = None  # it is on its way again: another event is owed in the end
            else:
                problem = await self._tell(owed, event, fate, door)
            await self._note(owed, problem)
        except StoreUnavailableError as error:
            self._log.warning("it will be told again", error=str(error))
        finally:
            self._under_way[owed.app_id] -= 1
            if self._under_way[owed.app_id] == 0:
                self.on_room()

    async def _tell(self, owed: Owed, event: str, fate: Fate, door: Endpoint) -> str | None:
        """Deliver an event; return what went wrong."""
        now = self._parts.clock.now()
        body = orjson.dumps(
            {"type": event, "timestamp": now, "data": view(fate)}, option=orjson.OPT_UTC_Z
        )
        try:
            secret = self._parts.vault.open(door.sealed_secret)
            headers = signed(secret, owed.event_id, now, body)
            headers["Content-Type"] = "application/json"
            async with self._session.post(
                door.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return type(error).__name__
        except (VaultError, ValueError) as error:
            return f"cannot be signed: {error}"
        return None if status in TAKEN else f"status {status}"

    async def _note(self, owed: Owed, problem: str | None) -> None:
        async with self._parts.database.connection() as connection:
            if problem is None:
                await callbacks.done(connection, owed)
            else:
                missed = self._missed(owed, problem, self._parts.clock.now())
                await callbacks.failed(connection, owed, missed)
        self._parts.metrics.callback("missed" if problem else "taken")
        if problem is None:
            self._failing.discard(owed.app_id)
        elif owed.app_id not in self._failing:
            self._failing.add(owed.app_id)
            self._log.warning("an app cannot be told", app_id=owed.app_id, problem=problem)

    def _missed(self, owed: Owed, problem: str, now: datetime) -> Missed:
        wait = min(FIRST * 2 ** min(owed.attempts - 1, DOUBLINGS), LONGEST)
        due_at = now + wait * (1 + JITTER * self._parts.rng.random())
        is_over = problem == f"status {GONE}" or due_at > owed.first_at + PERSISTENCE
        return Missed(problem, due_at, now if is_over else None)


def _nobody() -> None:
    """Stand in until somebody runs the callbacks."""
