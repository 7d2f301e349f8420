"""Lets the statuses of an accepted message follow it, and the message reach a person."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from gateway.emulator.life import lifecycle
from gateway.emulator.life.people import Person
from gateway.emulator.life.temper import draw
from gateway.emulator.registry import Number, Template
from gateway.emulator.rules.case import Case, Finding
from gateway.emulator.state import State
from gateway.emulator.webhooks import updates
from gateway.emulator.webhooks.updates import Sent, Update

# How long Meta tries to deliver what says nothing about it. Source: TTL, late 2025 (R§6.4).
TTL_S = 30 * 86_400.0
AUTHENTICATION_TTL_S = 600.0
# Of a number that is throttled Meta tells at most so often; undocumented, hence chosen.
_THROTTLE_TOLD_EVERY_S = 1.0
_NO_LUCK = (0.0, 0.0, 0.0)
# A message has up to four statuses; in a group each of them is told once a member.
_MOST_SHUFFLED = 4


@dataclass(slots=True)
class _Underway:
    """A message on its way; `luck` stretches its delays by up to the knob `jitter`.

    `told_late` keeps the statuses of one that tells them in another order, else it is None.
    """

    number: Number
    sent: Sent
    expires_at: float
    luck: tuple[float, float, float] = _NO_LUCK
    told_late: list[Update] | None = field(default=None)


def is_followed(state: State, case: Case, fate: Finding | None) -> bool:
    """Whether anybody would notice what becomes of a message."""
    if fate is not None:
        return state.knobs.statuses
    is_counted_later = case.is_counted_kind and state.knobs.count_on != "accept"
    return _tells(state) or bool(state.on_delivered) or is_counted_later


def follow(state: State, case: Case, sent: Sent, fate: Finding | None) -> None:
    """Plan the statuses: sent, delivered, read, or failed with the code of its fate.

    The draws depend on the seed and the message alone. Source: W-STAT, 14 Sep 2026 (R§8.4).
    """
    knobs = state.knobs
    luck = _NO_LUCK
    if knobs.jitter > 0:
        luck = draw(state.seed, "statuses", sent.wamid)
    delay_s = _stretched(state, knobs.status_delay_s, luck[0])
    if fate is not None:
        if knobs.statuses:
            error = (fate.code, fate.detail)
            _later(state, case.now, delay_s, partial(_fail, state, case.number, sent, error))
        return
    message = _Underway(case.number, sent, case.now + ttl_s(case.template), luck)
    if knobs.reorder_rate > 0 and draw(state.seed, "order", sent.wamid)[0] < knobs.reorder_rate:
        message.told_late = []
    _later(state, case.now, delay_s, partial(_leave, state, message))


def ttl_s(template: Template | None) -> float:
    """Give the seconds after which an undelivered message is dropped (R§6.4)."""
    if template is None or template.message_send_ttl_seconds == -1:
        return TTL_S
    if template.message_send_ttl_seconds is not None:
        return template.message_send_ttl_seconds
    return AUTHENTICATION_TTL_S if template.category == "AUTHENTICATION" else TTL_S


def came_online(state: State, person: Person, now: float) -> None:
    """Deliver what has waited for a person, except what was dropped at its TTL."""
    for arrive in state.undelivered.pop(person.phone, []):
        arrive(now)


def tell_throttling(state: State, number: Number, detail: str, now: float) -> None:
    """Tell of a throttled number by webhook too, once a second, if the knob says so (R§12.3)."""
    told_at = state.throttle_told_at.get(number.id)
    if not state.knobs.throttle_webhook:
        return
    if told_at is None or now - told_at >= _THROTTLE_TOLD_EVERY_S:
        state.throttle_told_at[number.id] = now
        state.sender.post(updates.system_error(number, 130429, detail, now))


def _tells(state: State) -> bool:
    return state.knobs.statuses and state.sender.url is not None


def _stretched(state: State, seconds: float, luck: float) -> float:
    return seconds * (1.0 + state.knobs.jitter * luck)


def _later(state: State, now: float, delay_s: float, deed: Callable[[float], None]) -> None:
    if delay_s > 0:
        state.schedule.at(now + delay_s, deed)
    else:
        deed(now)


def _fail(state: State, number: Number, sent: Sent, error: tuple[int, str], now: float) -> None:
    state.memory.ledger.release(number.pool_id, sent.wamid)
    has_contacts = state.knobs.contacts_on_failures and not sent.to_group
    state.sender.post(updates.failed(number, sent, error, now, has_contacts=has_contacts))


def _leave(state: State, message: _Underway, now: float) -> None:
    _happen(state, message, "sent", now)
    if message.sent.type == "reaction":  # never said to be delivered (R§1.3)
        _end(state, message)
        return
    delay_s = _stretched(state, state.knobs.delivered_after_s, message.luck[1])
    _later(state, now, delay_s, partial(_arrive, state, message))


def _arrive(state: State, message: _Underway, now: float) -> None:
    """Reach the person, unless the message has expired or the person has blocked the number.

    Source: SEND, TTL (R§6.4, R§7.9): it stays `sent` for ever, with no further word.
    """
    sent = message.sent
    person = state.people.get(sent.user)
    is_blocked = person is not None and person.has_blocked(message.number.id)
    if now >= message.expires_at or is_blocked:
        _end(state, message)
        return
    if person is not None and person.offline:
        _end(state, message)
        waiting = state.undelivered.setdefault(person.phone, [])
        waiting.append(partial(_arrive, state, message))
        return
    _happen(state, message, "delivered", now)
    if not sent.to_group:  # nobody speaks for a group
        for listener in state.on_delivered:
            listener(message.number, sent, now)
    if not state.knobs.read:
        _end(state, message)
        return
    delay_s = _stretched(state, state.knobs.read_after_s, message.luck[2])
    _later(state, now, delay_s, partial(_be_read, state, message))


def _be_read(state: State, message: _Underway, now: float) -> None:
    _happen(state, message, "read", now)
    sent = message.sent
    if sent.type == "audio" and sent.payload.get("voice") is True:
        _happen(state, message, "played", now)
    _end(state, message)


def _happen(state: State, message: _Underway, status: str, now: float) -> None:
    number, sent = message.number, message.sent
    if sent.takes_slot and state.knobs.count_on == status:
        lifecycle.count(state, number, sent.user, now)
    if not _tells(state) or (status == "delivered" and not state.knobs.delivered):
        return
    for participant in _participants(state, sent):
        update = updates.status(number, sent, status, now, participant)
        if message.told_late is None:
            state.sender.post(update)
        else:
            message.told_late.append(update)


def _participants(state: State, sent: Sent) -> list[str] | tuple[None]:
    """Name the members of a known group, of each of whom the statuses are told (R§1.9)."""
    group = state.registry.groups.get(sent.user) if sent.to_group else None
    return list(group.participants) if group is not None and group.participants else (None,)


def _end(state: State, message: _Underway) -> None:
    """Tell what was kept back, in one of the orders in which it did not happen."""
    kept, message.told_late = message.told_late, None
    if not kept:
        return
    others = list(itertools.permutations(kept[:_MOST_SHUFFLED]))[1:] or [tuple(kept)]
    chosen = others[int(draw(state.seed, "order", message.sent.wamid)[1] * len(others))]
    for update in (*chosen, *kept[_MOST_SHUFFLED:]):
        state.sender.post(update)
