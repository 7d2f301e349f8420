"""Delivers webhooks: signed, again and again until the receiver answers 200."""

import asyncio
import contextlib
import hashlib
import hmac
import random
from collections.abc import Callable

import aiohttp

from gateway.emulator.knobs import Knobs
from gateway.emulator.webhooks.deliveries import FIRST_RETRY_S, Deliveries, Delivery
from gateway.emulator.webhooks.updates import Update

_OK = 200
_SLOWEST_LOOK_S = 1.0
_FASTEST_LOOK_S = 0.005


class WebhookSender:
    """A queue of updates and the workers that post it.

    Not-200 and no answer lead to a retry: the first after 0.2 s of real time, later ones at
    growing intervals of the emulator's clock, as long as the knobs say. `url` None drops every
    update.
    """

    def __init__(
        self, app_secret: str, knobs: Knobs, now: Callable[[], float], rng: random.Random
    ) -> None:
        self.url: str | None = None
        self.delivered = 0
        self._secret = app_secret.encode()
        self._knobs = knobs
        self._now = now
        self._deliveries = Deliveries(knobs, rng)
        self._news = asyncio.Event()
        self._emptied = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    @property
    def pending(self) -> int:
        """How many updates have not been delivered yet."""
        return self._deliveries.pending

    @property
    def given_up(self) -> int:
        """How many updates were dropped because nobody took them in time."""
        return self._deliveries.given_up

    def post(self, update: Update) -> None:
        """Queue one update; it may be lost or doubled as the knobs say."""
        if self.url is not None:
            self._deliveries.add(update)
            self._news.set()

    def seal(self) -> None:
        """Say that a call is over, by which what it caused has got deliveries of its own."""
        self._deliveries.seal()

    def wake(self) -> None:
        """Look at the clock and the knobs again."""
        self._news.set()

    def hurry(self) -> None:
        """Make every waiting retry due now."""
        self._deliveries.hurry()
        self._news.set()

    def forget(self) -> None:
        """Drop everything that waits."""
        self._deliveries.forget()

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
            async with self._session.get(url, params=query, timeout=self._timeout()) as answer:
                return answer.status == _OK and await answer.text() == challenge
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def start(self) -> None:
        """Open the session and start the workers."""
        self._session = aiohttp.ClientSession()
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

    def _timeout(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=self._knobs.webhook_timeout_s)

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
        wait = self._deliveries.soonest - self._now()
        return min(max(wait, _FASTEST_LOOK_S), _SLOWEST_LOOK_S)

    def _next(self) -> Delivery | None:
        # For what was posted outside any call; a call never yields before its end.
        self._deliveries.seal()
        if self._knobs.webhooks_paused or self.url is None:
            return None
        return self._deliveries.next(self._now())

    async def _attempt(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        if await self._posted(session, delivery.body):
            self.delivered += delivery.updates
            self._deliveries.was_taken(delivery)
        elif self._deliveries.failed(delivery, self._now()) and delivery.attempts == 1:
            asyncio.get_running_loop().call_later(FIRST_RETRY_S, self._make_due, delivery)
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
            async with session.post(
                self.url, data=body, headers=headers, timeout=self._timeout()
            ) as answer:
                await answer.read()
                return answer.status == _OK
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    def _make_due(self, delivery: Delivery) -> None:
        delivery.due_at = 0.0
        self._news.set()


def signature_of(secret: bytes, body: bytes) -> str:
    """Sign the raw body as Meta does. Source: G-WH, 11 Sep 2026 (R§8.1)."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
