"""Puts updates into the bodies of deliveries, and keeps those until they are taken or given up."""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.emulator.knobs import Knobs
from gateway.emulator.webhooks.updates import Update

# Source: W-OVR, 17 Jun 2026 (R§8.1).
LARGEST_BODY = 3_000_000
FIRST_RETRY_S = 0.2
SLOWEST_RETRY_S = 300.0


@dataclass(slots=True)
class Delivery:
    """A body and the number of its updates; instants are of the emulator's clock.

    `first_at` is when it was tried first, `due_at` when it may be tried again.
    """

    body: bytes
    updates: int
    first_at: float | None = None
    attempts: int = 0
    due_at: float = 0.0


class Deliveries:
    """What is to be delivered, in the order in which it happened unless the knob `shuffle` is on.

    When batching by call, what was added since the last `seal` gets bodies of its own, which thus
    depend on the calls alone and not on how fast anybody takes them. When batching greedily a body
    is made when somebody is ready to send it, of whatever waits then.
    """

    def __init__(self, knobs: Knobs, rng: random.Random) -> None:
        self.pending = 0
        self.given_up = 0
        self._knobs = knobs
        self._luck = random.Random(rng.random())  # noqa: S311 - repeatable on purpose
        self._order = random.Random(rng.random())  # noqa: S311 - repeatable on purpose
        self._fresh: deque[Update] = deque()
        self._open: list[Update] = []
        self._ready: list[tuple[float, int, Delivery]] = []
        self._count = itertools.count()
        self._waiting: list[Delivery] = []

    def add(self, update: Update) -> None:
        """Add an update; it may be lost or doubled as the knobs say."""
        if self._luck_says(self._knobs.drop_rate):
            return
        copies = 2 if self._luck_says(self._knobs.duplicate_rate) else 1
        is_greedy = self._knobs.batching == "greedy"
        for _ in range(copies):
            (self._fresh if is_greedy else self._open).append(update)
        self.pending += copies

    def seal(self) -> None:
        """End a call: what was added since the last one goes out by itself."""
        if not self._open:
            return
        updates, self._open = self._open, []
        if self._knobs.shuffle:
            self._order.shuffle(updates)
        size = self._knobs.batch_max
        for start in range(0, len(updates), size):
            self._enclose(updates[start : start + size])

    def _enclose(self, updates: Sequence[Update]) -> None:
        body = body_of(updates)
        if len(body) > LARGEST_BODY and len(updates) > 1:
            half = len(updates) // 2
            self._enclose(updates[:half])
            self._enclose(updates[half:])
            return
        # Chosen now, so that it depends on nothing but the calls.
        place = self._order.random() if self._knobs.shuffle else 0.0
        entry = (place, next(self._count), Delivery(body, len(updates)))
        heapq.heappush(self._ready, entry)

    def next(self, now: float) -> Delivery | None:
        """Take out the next delivery, first of all one whose retry is due."""
        for each in self._waiting:
            if each.due_at <= now:
                self._waiting.remove(each)
                return each
        if not self._ready:
            self._batch_greedily()
        if not self._ready:
            return None
        delivery = heapq.heappop(self._ready)[-1]
        delivery.first_at = now
        return delivery

    def _batch_greedily(self) -> None:
        if not self._fresh:
            return
        if self._knobs.shuffle:
            self._order.shuffle(self._fresh)
        size = min(self._knobs.batch_max, len(self._fresh))
        self._enclose([self._fresh.popleft() for _ in range(size)])

    def was_taken(self, delivery: Delivery) -> None:
        """Forget a delivery that has arrived."""
        self.pending -= delivery.updates

    def failed(self, delivery: Delivery, now: float) -> bool:
        """Plan the next attempt with identical bytes; False when it is given up."""
        first_at = now if delivery.first_at is None else delivery.first_at
        if now - first_at >= self._knobs.webhook_retry_horizon_s:
            self.given_up += delivery.updates
            self.pending -= delivery.updates
            return False
        delivery.attempts += 1
        delay = min(FIRST_RETRY_S * 2 ** min(delivery.attempts - 1, 20), SLOWEST_RETRY_S)
        delivery.due_at = now + delay
        self._waiting.append(delivery)
        return True

    @property
    def soonest(self) -> float:
        """The instant of the next retry; infinity if there is none."""
        return min((each.due_at for each in self._waiting), default=float("inf"))

    def hurry(self) -> None:
        """Make every waiting retry due now."""
        for each in self._waiting:
            each.due_at = 0.0

    def forget(self) -> None:
        """Drop everything that is not being sent at this moment."""
        self.pending -= len(self._fresh) + len(self._open)
        self.pending -= sum(each.updates for _, _, each in self._ready)
        self.pending -= sum(each.updates for each in self._waiting)
        self._fresh.clear()
        self._open.clear()
        self._ready.clear()
        self._waiting.clear()

    def _luck_says(self, rate: float) -> bool:
        return rate > 0 and self._luck.random() < rate


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
