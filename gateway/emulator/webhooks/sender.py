"""Delivers webhooks: signed, in batches, again and again until the receiver answers 200."""

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from gateway.emulator.knobs import Knobs
from gateway.emulator.webhooks.updates import Update

# Source: W-OVR, 17 Jun 2026 (R§8.1); the client's timeout is undocumented (R§12.1 row 14).
HORIZON_S = 7 * 86_400.0
FIRST_RETRY_S = 0.2
SLOWEST_RETRY_S = 300.0
CLIENT_TIMEOUT_S = 10.0
_OK = 200
_SLOWEST_LOOK_S = 1.0
_FASTEST_LOOK_S = 0.005


@dataclass(slots=True)
class _Delivery:
    body: bytes
    updates: int
    first_at: float
    attempts: int = 0
    due_at: float = 0.0


class WebhookSender:
    """A queue of updates and the workers that post it.

    Not-200 and no answer lead to a retry: the first after 0.2 s of real time, later ones at
    growing intervals of the emulator's clock, for 7 days. `url` None drops every update.
    """

    def __init__(
        self, app_secret: str, knobs: Knobs, now: Callable[[], float], rng: random.Random
    ) -> None:
        self.url: str | None = None
        self.delivered = 0
        self._secret = app_secret.encode()
        self._knobs = knobs
        self._now = now
        self._rng = rng
        self._fresh: deque[Update] = deque()
        self._waiting: list[_Delivery] = []
        self._in_flight = 0
        self._news = asyncio.Event()
        self._emptied = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    @property
    def pending(self) -> int:
        """How many updates have not been delivered yet."""
        return len(self._fresh) + sum(each.updates for each in self._waiting) + self._in_flight

    def post(self, update: Update) -> None:
        """Queue one update; it may be lost or doubled as the knobs say."""
        if self.url is None or self._rng_says(self._knobs.drop_rate):
            return
        self._fresh.append(update)
        if self._rng_says(self._knobs.duplicate_rate):
            self._fresh.append(update)
        self._news.set()

    def wake(self) -> None:
        """Look at the clock and the knobs again."""
        self._news.set()

    def hurry(self) -> None:
        """Make every waiting retry due now."""
        for each in self._waiting:
            each.due_at = 0.0
        self._news.set()

    def forget(self) -> None:
        """Drop everything that waits."""
        self._fresh.clear()
        self._waiting.clear()

    async def flush(self, timeout_s: float) -> int:
        """Wait until nothing is pending, hurrying retries; returns what is pending then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.pending:
                    self.hurry()
                    self._emptied.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(FIRST_RETRY_S):
                            await self._emptied.wait()
        return self.pending

    async def is_verified(self, url: str, verify_token: str, challenge: str) -> bool:
        """Ask a receiver to echo a challenge. Source: W-OVR, 17 Jun 2026 (R§8.1)."""
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": verify_token,
        }
        if self._session is None:
            return False
        try:
            async with self._session.get(url, params=query) as answer:
                return answer.status == _OK and await answer.text() == challenge
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def start(self) -> None:
        """Open the session and start the workers."""
        timeout = aiohttp.ClientTimeout(total=CLIENT_TIMEOUT_S)
        self._session = aiohttp.ClientSession(timeout=timeout)
        workers = range(self._knobs.webhook_workers)
        self._tasks = [asyncio.create_task(self._work(self._session)) for _ in workers]

    async def stop(self) -> None:
        """Stop the workers; what is queued stays queued."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._session is not None:
            await self._session.close()

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            delivery = self._next()
            if delivery is not None:
                await self._attempt(session, delivery)
                continue
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience()):
                    await self._news.wait()

    def _patience(self) -> float:
        if self._knobs.webhooks_paused:
            return _SLOWEST_LOOK_S
        soonest = min((each.due_at for each in self._waiting), default=float("inf"))
        return min(max(soonest - self._now(), _FASTEST_LOOK_S), _SLOWEST_LOOK_S)

    def _next(self) -> _Delivery | None:
        if self._knobs.webhooks_paused:
            return None
        now = self._now()
        for each in self._waiting:
            if each.due_at <= now:
                self._waiting.remove(each)
                self._in_flight += each.updates
                return each
        return self._fresh_batch(now)

    def _fresh_batch(self, now: float) -> _Delivery | None:
        if not self._fresh or self.url is None:
            return None
        if self._knobs.shuffle:
            self._rng.shuffle(self._fresh)
        size = min(self._knobs.batch_max, len(self._fresh))
        batch = [self._fresh.popleft() for _ in range(size)]
        self._in_flight += size
        return _Delivery(body_of(batch), size, now)

    async def _attempt(self, session: aiohttp.ClientSession, delivery: _Delivery) -> None:
        try:
            is_delivered = await self._posted(session, delivery.body)
        finally:
            self._in_flight -= delivery.updates
        if is_delivered:
            self.delivered += delivery.updates
        else:
            self._retry_later(delivery)
        if not self.pending:
            self._emptied.set()

    async def _posted(self, session: aiohttp.ClientSession, body: bytes) -> bool:
        headers = {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": signature_of(self._secret, body),
        }
        if self.url is None:
            return True
        try:
            async with session.post(self.url, data=body, headers=headers) as answer:
                await answer.read()
                return answer.status == _OK
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    def _retry_later(self, delivery: _Delivery) -> None:
        now = self._now()
        if now - delivery.first_at >= HORIZON_S:
            return
        delivery.attempts += 1
        delay = min(FIRST_RETRY_S * 2 ** min(delivery.attempts - 1, 20), SLOWEST_RETRY_S)
        delivery.due_at = now + delay
        self._waiting.append(delivery)
        if delivery.attempts == 1:
            asyncio.get_running_loop().call_later(FIRST_RETRY_S, self._make_due, delivery)

    def _make_due(self, delivery: _Delivery) -> None:
        delivery.due_at = 0.0
        self._news.set()

    def _rng_says(self, rate: float) -> bool:
        return rate > 0 and self._rng.random() < rate


def signature_of(secret: bytes, body: bytes) -> str:
    """Sign the raw body as Meta does. Source: G-WH, 11 Sep 2026 (R§8.1)."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def body_of(updates: Sequence[Update]) -> bytes:
    """Write updates into one envelope, neighbours of one account sharing an entry (R§8.3)."""
    entries: list[dict[str, Any]] = []
    for (waba_id, time), group in itertools.groupby(
        updates, lambda each: (each.waba_id, each.time)
    ):
        entry: dict[str, Any] = {"id": waba_id}
        if time is not None:
            entry["time"] = time
        entry["changes"] = [{"field": each.field, "value": each.value} for each in group]
        entries.append(entry)
    return orjson.dumps({"object": "whatsapp_business_account", "entry": entries})
