"""The composition root: settings in, a running gateway out."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Self
from uuid import uuid4

import structlog
from aiohttp import web

from gateway.clock import Clock, SandboxClock, SystemClock
from gateway.cloud.client import CloudClient, CloudSettings
from gateway.config import Settings
from gateway.inbound.account_events import AccountEvents
from gateway.inbound.digest import Digest
from gateway.inbound.ingress import Ingress
from gateway.inbound.message_events import MessageEvents
from gateway.loop import Loop
from gateway.metrics import Metrics
from gateway.outbound.admission import AdmissionDesk
from gateway.outbound.answers import AnswerWriter
from gateway.outbound.callbacks import CALLBACKS_S, CallbackParts, Callbacks
from gateway.outbound.courier import Courier, CourierParts
from gateway.outbound.dispatch import Dispatcher, DispatchParts
from gateway.outbound.doubts import DoubtParts, Doubts
from gateway.outbound.pacing import Pacing
from gateway.outbound.parcels import Packer
from gateway.outbound.parking import Parking
from gateway.outbound.release import RELEASE_S, ReleaseParts, Releaser
from gateway.outbound.settling import LAPSE_S, SETTLE_S, Settlement
from gateway.policy.knobs import Knobs
from gateway.policy.send_class import SendClass
from gateway.store import sandbox_clock
from gateway.store.database import Database
from gateway.store.directory import Directory
from gateway.store.errors import StoreUnavailableError
from gateway.store.listener import Listener
from gateway.store.message_ids import MessageIds
from gateway.store.vault import Vault
from gateway.watch.census import CENSUS_S, Census
from gateway.watch.historian import Historian
from gateway.watch.poller import Poller
from gateway.watch.silence import SILENCE_S, SilenceWatch
from gateway.watch.sweeper import Sweeper
from gateway.web.admin import AdminParts
from gateway.web.auth import Authenticator
from gateway.web.draining import Drain
from gateway.web.health import Health
from gateway.web.idempotency import Idempotency, Terms
from gateway.web.media_links import MediaLinks
from gateway.web.own_messages import OwnMessages
from gateway.web.pass_through import PassThrough, PassThroughParts
from gateway.web.proxy import Proxy, ProxyParts, ProxySettings
from gateway.web.server import Doors, admin_server, data_server, listen
from gateway.web.webhooks import Webhooks

REFRESH_S = 2.0
DIGEST_S = 1.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running gateway listens."""

    data_url: str
    admin_url: str


class Gateway:
    """One gateway process: listeners, background loops, and the way down again."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self.clock: Clock = clock or (SandboxClock() if settings.sandbox else SystemClock())
        self.metrics = Metrics()
        self.drain = Drain(settings.drain_s, settings.drain_grace_s)
        self._stack = AsyncExitStack()
        self._on_advance: list[Callable[[], Awaitable[object]]] = []

    async def __aenter__(self) -> Self:
        """Start everything; StoreUnavailableError or OSError when that is not possible."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Stop listening, finish what is in flight, write what is pending, and close.

        It takes no longer than `drain_s`; `is_drained` tells whether that was enough.
        """
        try:
            await self.drain.run(self._data, self._cloud.close)
        finally:
            await self._stack.aclose()

    @property
    def is_drained(self) -> bool:
        """Whether everything that was begun has been answered and written down."""
        return self.drain.is_complete and not self._answers.behind

    def on_advance(self, listener: Callable[[], Awaitable[object]]) -> None:
        """Have `listener` run after the sandbox's clock was moved over the admin API."""
        self._on_advance.append(listener)

    async def _start(self) -> None:
        settings, clock = self._settings, self.clock
        self.knobs = knobs_of(settings)
        self.database = await Database.open(
            settings.database_url.get_secret_value(),
            connections=settings.database_connections,
            timeout_s=settings.database_timeout_s,
        )
        self._stack.callback(self.database.terminate)
        if isinstance(clock, SandboxClock):
            await sandbox_clock.advance(self.database, clock)
        vault_key = settings.vault_key
        self._vault = Vault(vault_key.get_secret_value() if vault_key else "")
        self.directory = Directory(self.database, self._vault)
        await self.directory.refresh()
        # What is opened first closes last: health is told until everything else has stopped.
        admin = self._admin()
        self._at_end("admin listener", admin.cleanup)
        self._cloud = CloudClient.open(cloud_settings(settings))
        self._at_end("cloud", self._cloud.close)
        self._open_lines()
        self._answers = AnswerWriter(self.database, clock, self.knobs, self.metrics)
        self._run([asyncio.create_task(self._answers.run(), name="answers")])
        self._at_end("answers", self._answers.flushed)
        self._open_inbound(self._cloud)
        await self._listen(self._proxy(self._cloud), admin)

    def _open_lines(self) -> None:
        """Start what divides each number's throughput with the other processes."""
        self._pacing = Pacing(self._stands_still)
        for send_class in SendClass:
            waiting = partial(self._pacing.waiting, send_class)
            self.metrics.line_waiting.labels(send_class).set_function(waiting)
        self._process_id = uuid4()
        self._settlement = Settlement(self.database, lambda: self._pacing.lines, self._process_id)
        shares = Loop("shares", self._settlement.run_once, SETTLE_S)
        lapse = Loop("lapse", self._settlement.lapse, LAPSE_S)
        self._settlement.wanted = shares.wake
        self.drain.on_drain.append(self._pacing.close)
        self._at_end("shares", self._settlement.close)
        self._run_loops(shares, lapse)

    def _stands_still(self, phone_number_id: str) -> None:
        """Have a line settled that somebody wants to pass; nobody waits for a database in vain."""
        if self._settlement.is_away:
            raise StoreUnavailableError("shares of the throughput cannot be settled")
        self._settlement.want(phone_number_id)

    def _open_inbound(self, cloud: CloudClient) -> None:
        """Start what works in the background: digest, sweeper, historian, poller, directory."""
        settings, clock = self._settings, self.clock
        refresh = Loop("directory", self.directory.refresh, REFRESH_S)
        accounts = AccountEvents(self.knobs, refresh.wake)
        message_events = MessageEvents(self.directory, clock, self.knobs)
        message_events.on_inbound = self._settlement.note_inbound
        self.digest = Digest(self.database, clock, message_events, accounts, self.metrics)
        self.sweeper = Sweeper(
            self.database,
            clock,
            self.knobs,
            timedelta(seconds=settings.unanswered_s),
            refresh.wake,
        )
        keys_kept = timedelta(seconds=settings.idempotency_s)
        self.historian = Historian(self.database, clock, self.knobs, keys_kept)
        self.poller = Poller(self.database, self.directory, cloud, clock, self.knobs)
        self.poller.changed = refresh.wake
        digest = Loop("digest", self.digest.run_once, DIGEST_S)
        sweep = Loop("sweep", self._sweep, settings.sweep_s)
        self._wake_on_advance(sweep)
        history = Loop("history", self.historian.run_once, settings.history_s)
        poll = Loop("poll", self.poller.run_once, settings.poll_s)
        secrets = [secret.get_secret_value() for secret in settings.app_secrets]
        token = settings.verify_token
        self._ingress = Ingress(
            self.database, clock, secrets, token.get_secret_value() if token else None, self.metrics
        )
        self._ingress.on_append = digest.wake
        self._poll = poll
        self.poller.wanted = poll.wake
        census = Loop("census", Census(self.database, self.metrics).run_once, CENSUS_S)
        loops = (refresh, digest, sweep, history, poll, census)
        self._run_loops(*loops)

    def _courier(self, cloud: CloudClient) -> Courier:
        """Start what sends and what releases."""
        clock, database = self.clock, self.database
        desk = AdmissionDesk(database, clock, self.knobs, self.metrics)
        dispatcher = Dispatcher(
            DispatchParts(
                desk,
                cloud,
                self._answers,
                self._settlement,
                clock,
                self.metrics,
                timedelta(seconds=self._settings.unanswered_s),
            )
        )
        # Meta knows of a restriction we have not heard of: ask, rather than wait for the next poll.
        dispatcher.on_policy_refusal = self.poller.hasten
        parts = ReleaseParts(
            database, self.directory, dispatcher, self._pacing, self._vault, clock, self.metrics
        )
        self.releaser = Releaser(parts, self._process_id)
        release = Loop("release", self.releaser.run_once, RELEASE_S)
        self.releaser.on_room = release.wake
        self._wake_on_advance(release)
        self.drain.on_drain += (self.releaser.leave, dispatcher.close)
        self._at_end("released", self.releaser.close)
        self._open_doubts()
        self._open_callbacks()
        listener = Listener(
            self._settings.database_url.get_secret_value(),
            self.releaser.lift,
            self._settings.database_timeout_s,
        )
        self._run([asyncio.create_task(listener.run(), name="listener")])
        self._run_loops(release)
        longest = timedelta(seconds=self._settings.park_s)
        return Courier(
            CourierParts(dispatcher, Parking(database), Packer(self._vault, longest), clock)
        )

    def _open_doubts(self) -> None:
        """Start what ends doubts, and what reports messages of which nothing is heard."""
        settings, clock = self._settings, self.clock
        ids = MessageIds(random.SystemRandom())
        parts = DoubtParts(self.database, self._vault, clock, ids, self.metrics)
        self.doubts = Doubts(parts, timedelta(seconds=settings.doubt_s))
        patience = timedelta(seconds=settings.silent_s)
        silence = SilenceWatch(self.database, clock, self.metrics, patience)
        doubts = Loop("doubts", self.doubts.run_once, settings.sweep_s)
        silences = Loop("silence", silence.run_once, SILENCE_S)
        self._wake_on_advance(doubts, silences)
        self._run_loops(doubts, silences)

    def _open_callbacks(self) -> None:
        """Start what tells apps what became of their messages."""
        rng = random.Random()  # noqa: S311 - it spreads what is tried again
        parts = CallbackParts(self.database, self._vault, self.clock, self.metrics, rng)
        self.callbacks = Callbacks.open(parts)
        loop = Loop("callbacks", self.callbacks.run_once, CALLBACKS_S)
        self.callbacks.on_room = loop.wake
        self.drain.on_drain.append(self.callbacks.leave)
        self._at_end("callbacks", self.callbacks.close)
        self._wake_on_advance(loop)
        self._run_loops(loop)

    def _wake_on_advance(self, *loops: Loop) -> None:
        """Have loops run as soon as a sandbox's clock has moved."""
        if isinstance(self.clock, SandboxClock):
            for loop in loops:
                self.clock.on_advance(loop.wake)

    def _proxy(self, cloud: CloudClient) -> Proxy:
        settings = self._settings
        authenticator = Authenticator(self.directory, pass_through=settings.pass_through)
        self._authenticator = authenticator
        vault_key = settings.vault_key
        links = PassThroughParts(
            self.directory,
            authenticator,
            self.database,
            cloud,
            MediaLinks(vault_key.get_secret_value() if vault_key else None),
            self.clock,
        )
        rng = random.SystemRandom()  # who knows an id may ask for the message
        terms = Terms(
            kept_s=settings.idempotency_s,
            wait_s=settings.wait_s,
            answer_s=settings.cloud_timeout_s,
            database_s=settings.database_timeout_s,
        )
        parts = ProxyParts(
            directory=self.directory,
            authenticator=authenticator,
            courier=self._courier(cloud),
            pacing=self._pacing,
            cloud=cloud,
            pass_through=PassThrough(links, settings.max_body_bytes, settings.public_url),
            idempotency=Idempotency(self.database, self.clock, MessageIds(rng), terms),
            clock=self.clock,
            metrics=self.metrics,
        )
        allowed = ProxySettings(
            settings.max_message_bytes, settings.wait_s, settings.outage_replies == "pass"
        )
        return Proxy(parts, allowed, rng)

    def _admin(self) -> web.BaseRunner:
        admin_key = self._settings.admin_key
        parts = AdminParts(
            self.database,
            self.clock,
            self.knobs,
            self._vault,
            admin_key.get_secret_value() if admin_key else None,
            self._changed,
            self._advance if isinstance(self.clock, SandboxClock) else None,
        )
        return admin_server(parts, Health(self.database, self.metrics, self.drain))

    async def _listen(self, proxy: Proxy, admin: web.BaseRunner) -> None:
        settings = self._settings
        own = OwnMessages(self.database, self._authenticator, self._vault, self.clock)
        doors = Doors(proxy, Webhooks(self._ingress), own)
        self._data = data_server(doors, settings.max_message_bytes, self.drain)
        self._at_end("data listener", self._data.cleanup)
        data_port = await listen(self._data, settings.host, settings.port)
        admin_port = await listen(admin, settings.admin_host, settings.admin_port)
        self.addresses = Addresses(
            f"http://{settings.host}:{data_port}", f"http://{settings.admin_host}:{admin_port}"
        )
        structlog.get_logger("gateway").info(
            "listening", data=self.addresses.data_url, admin=self.addresses.admin_url
        )

    def _run_loops(self, *loops: Loop) -> None:
        self._run([asyncio.create_task(loop.run(), name=loop.name) for loop in loops])

    def _run(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        async def stop() -> None:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._at_end(", ".join(task.get_name() for task in tasks), stop)

    def _at_end(self, name: str, step: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Have a step taken on the way down, before those that were named earlier."""
        self._stack.push_async_callback(self.drain.bounded, name, step)

    async def _sweep(self) -> None:
        if isinstance(self.clock, SandboxClock):
            await sandbox_clock.advance(self.database, self.clock)
        await self.sweeper.run_once()

    async def _changed(self) -> None:
        await self.directory.refresh()
        self._poll.wake()

    async def _advance(self, seconds: float) -> None:
        """Move the sandbox's clock and let everything that is due happen before answering."""
        if not isinstance(self.clock, SandboxClock):
            raise TypeError("only a sandbox's clock can be moved")
        # What has been answered by now was answered before the hour moved.
        await self._answers.flushed()
        await sandbox_clock.advance(self.database, self.clock, seconds)
        await self.sweeper.run_once()
        await self.doubts.run_once()
        await self.historian.run_once()
        for listener in self._on_advance:
            await listener()


def knobs_of(settings: Settings) -> Knobs:
    """Return the knobs as the settings have them."""
    return Knobs(pair_capacity=settings.pair_capacity, shadow=frozenset(settings.shadow_rules))


def cloud_settings(settings: Settings) -> CloudSettings:
    """Return where the Cloud API is, as the settings have it."""
    return CloudSettings(
        base_url=settings.cloud_url,
        version=settings.cloud_version,
        answer_timeout_s=settings.cloud_timeout_s,
    )
