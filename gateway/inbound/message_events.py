"""Learns from what users wrote and from what became of messages sent to them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from gateway.clock import Clock
from gateway.inbound.statuses import STATE, correlation, work_out
from gateway.policy.knobs import Knobs
from gateway.policy.lifecycle import HOLD, Hold
from gateway.store import apps, contacts, lessons, messages, quota
from gateway.store.contacts import ContactKey
from gateway.store.directory import Directory
from gateway.store.lessons import Heard
from gateway.store.messages import Known
from gateway.whatsapp.events import (
    CallEvent,
    Event,
    IdentityChange,
    InboundMessage,
    PreferenceUpdate,
    StatusUpdate,
    UserRef,
)
from gateway.whatsapp.ids import PhoneNumberId, PoolId, UserId

MARKETING: Final = "marketing_messages"
JUST_NOW: Final = timedelta(seconds=30)
"""What users wrote longer ago and Meta tells only now says nothing about the present second."""

Spoken = InboundMessage | CallEvent | StatusUpdate | PreferenceUpdate


class MessageEvents:
    """Applies the events of the field `messages`, `calls` and `user_preferences`."""

    def __init__(self, directory: Directory, clock: Clock, knobs: Knobs) -> None:
        self._directory = directory
        self._clock = clock
        self._knobs = knobs
        self.on_inbound: Callable[[PhoneNumberId, int], None] = _nobody

    async def apply(self, connection: Any, events: Sequence[Event]) -> None:
        """Apply what is ours among `events`; numbers we do not serve are passed over."""
        await self._change_identities(connection, events)
        spoken = [
            event
            for event in events
            if isinstance(event, InboundMessage | CallEvent | StatusUpdate | PreferenceUpdate)
            and event.phone_number_id in self._directory.routes
        ]
        if not spoken:
            return
        users = await self._users(connection, spoken)
        await self._open_windows(connection, spoken, users)
        await self._prefer(connection, spoken, users)
        await self._move(connection, [e for e in spoken if isinstance(e, StatusUpdate)])
        self._tell_inbound(spoken)

    def _tell_inbound(self, spoken: Sequence[Spoken]) -> None:
        """Tell how many messages users have just sent to each number."""
        since = self._clock.now() - JUST_NOW
        counts = Counter(
            event.phone_number_id
            for event in spoken
            if isinstance(event, InboundMessage) and event.at >= since
        )
        for phone_number_id, count in counts.items():
            self.on_inbound(phone_number_id, count)

    def _pool(self, phone_number_id: PhoneNumberId) -> PoolId:
        return self._directory.routes[phone_number_id].pool_id

    async def _change_identities(self, connection: Any, events: Sequence[Event]) -> None:
        """Lead a new business-scoped id to the user who had the old one."""
        for event in events:
            if not isinstance(event, IdentityChange) or event.current.bsuid is None:
                continue
            if event.phone_number_id not in self._directory.routes or event.previous.bsuid is None:
                continue
            pool_id = self._pool(event.phone_number_id)
            old = (pool_id, event.previous.bsuid)
            known = await contacts.resolve(connection, [old])
            await self._unite(
                connection, pool_id, event.current.bsuid, known.get(old, UserId(old[1]))
            )

    async def _users(
        self, connection: Any, spoken: Sequence[Spoken]
    ) -> dict[tuple[PoolId, UserRef], UserId]:
        """Return who each reference means, having learnt which ids belong together."""
        references = {(self._pool(event.phone_number_id), event.user) for event in spoken}
        names = sorted({(pool_id, ref.bsuid) for pool_id, ref in references if ref.bsuid})
        known = await contacts.resolve(connection, names) if names else {}
        users: dict[tuple[PoolId, UserRef], UserId] = {}
        for pool_id, ref in references:
            if ref.wa_id is not None:
                users[pool_id, ref] = UserId(ref.wa_id)
                if ref.bsuid is not None and known.get((pool_id, ref.bsuid)) != ref.wa_id:
                    await self._unite(connection, pool_id, ref.bsuid, UserId(ref.wa_id))
            elif ref.bsuid is not None:
                users[pool_id, ref] = known.get((pool_id, ref.bsuid), UserId(ref.bsuid))
        return users

    async def _unite(self, connection: Any, pool_id: PoolId, alias: str, user_id: UserId) -> None:
        if alias == user_id:
            return
        async with connection.transaction():
            await quota.lock(connection, [pool_id])
            await contacts.unite(connection, pool_id, alias, user_id)

    async def _open_windows(
        self,
        connection: Any,
        spoken: Sequence[Spoken],
        users: dict[tuple[PoolId, UserRef], UserId],
    ) -> None:
        opened: dict[ContactKey, datetime] = {}
        media: list[tuple[str, PhoneNumberId]] = []
        for event in spoken:
            if isinstance(event, InboundMessage) and event.media_id is not None:
                media.append((event.media_id, event.phone_number_id))
            key = self._opens(event, users)
            if key is not None:
                opened[key] = max(event.at, opened.get(key, event.at))
        if opened:
            await contacts.open_windows(connection, opened)
        if media:
            await apps.put_media(connection, media, self._clock.now())

    def _opens(
        self, event: Spoken, users: dict[tuple[PoolId, UserRef], UserId]
    ) -> ContactKey | None:
        """Return whose window an event opens; in a group it is the group's (GRP, R§3)."""
        pool_id = self._pool(event.phone_number_id)
        user = users.get((pool_id, event.user))
        if isinstance(event, InboundMessage):
            if not event.opens_window:
                return None
            user = UserId(event.group_id) if event.group_id else user
        elif not isinstance(event, CallEvent):
            return None
        return ContactKey(pool_id, event.phone_number_id, user) if user else None

    async def _prefer(
        self,
        connection: Any,
        spoken: Sequence[Spoken],
        users: dict[tuple[PoolId, UserRef], UserId],
    ) -> None:
        for event in spoken:
            if not isinstance(event, PreferenceUpdate) or event.category != MARKETING:
                continue
            pool_id = self._pool(event.phone_number_id)
            user = users.get((pool_id, event.user))
            if user is not None:
                key = ContactKey(pool_id, event.phone_number_id, user)
                stopped = event.value == "stop"
                await contacts.note_preference(connection, key, event.at, stopped=stopped)

    async def _move(self, connection: Any, updates: Sequence[StatusUpdate]) -> None:
        if not updates:
            return
        async with connection.transaction():
            found = await self._find(connection, updates)
            moved = work_out(found)
            if moved.progress:
                now = self._clock.now()
                await messages.record_progress(connection, moved.progress, now)
        since = self._clock.now() - self._knobs.limit_window
        for pool_id, ids in _by_pool(moved.released).items():
            async with connection.transaction():
                await quota.release(connection, pool_id, ids, since)
        for pool_id, ids in _by_pool(moved.restored).items():
            async with connection.transaction():
                await quota.restore(connection, pool_id, ids, since)
        await lessons.learn(connection, list(_heard(found)), self._clock, self._knobs)

    async def _find(
        self, connection: Any, updates: Sequence[StatusUpdate]
    ) -> list[tuple[StatusUpdate, Known]]:
        """Find the messages statuses speak of and lock them; others' messages are passed over."""
        ids = {update: correlation(update) for update in updates}
        ours = [message_id for message_id in ids.values() if message_id is not None]
        pools = {self._pool(update.phone_number_id) for update in updates}
        by_id = await messages.find_by_id(connection, pools, ours) if ours else {}
        if missing := [each for each in ours if each not in by_id]:
            # Perhaps the number was in another pool when it sent them.
            numbers = [update.phone_number_id for update in updates]
            by_id |= await messages.find_by_number(connection, numbers, missing)
        strays = [update.wamid for update, message_id in ids.items() if message_id not in by_id]
        by_wamid = await messages.find_by_wamid(connection, strays) if strays else {}
        found = []
        for update in updates:
            message_id = ids[update]
            known = by_id.get(message_id) if message_id else None
            known = known or by_wamid.get(update.wamid)
            if known is not None:
                found.append((update, known))
        return found


def _heard(found: Iterable[tuple[StatusUpdate, Known]]) -> Iterator[Heard]:
    """Tell which messages have failed, and with what, and which have arrived.

    Those that were only `sent` are left out: it may still be followed by `failed`, and is all that
    is ever told of a user who has blocked the number (R§7.9 rule 6, R§8.4).
    """
    for update, known in found:
        for error in update.errors:
            yield Heard(known, update.at, error.code)
        state = STATE.get(update.status)
        if state is not None and HOLD.get(state) is Hold.SETTLED:
            yield Heard(known, update.at, None)


def _by_pool(known: Iterable[Known]) -> dict[PoolId, list[UUID]]:
    pools: dict[PoolId, list[UUID]] = defaultdict(list)
    for message in known:
        pools[message.pool_id].append(message.message_id)
    return dict(sorted(pools.items()))


def _nobody(_phone_number_id: PhoneNumberId, _count: int) -> None:
    """Stand in until somebody wants to know of users' messages."""
