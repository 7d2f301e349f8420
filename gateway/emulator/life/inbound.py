"""Lets users do something of their own accord: write, call, stop marketing, change their phone."""

from typing import Any, Literal

from gateway.emulator import identity
from gateway.emulator.errors import status_error
from gateway.emulator.graph.media import RECEIVED_ID_LIFE_S
from gateway.emulator.life.people import Person
from gateway.emulator.registry import Number
from gateway.emulator.state import State
from gateway.emulator.steering.bodies import Inbound, Preference
from gateway.emulator.webhooks import contents, updates
from gateway.emulator.webhooks.contents import Written

# What Meta leaves open is decided as R§8.5 does: these do not open a service window.
NOT_OPENING = frozenset({"reaction", "system", "unsupported", "edit", "revoke"})
_UNSUPPORTED = (131051, "Message type is currently not supported.")
_SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"


def let_happen(state: State, body: Inbound) -> str:
    """Let a user do what steering or a scenario says; returns the id of the message or call.

    Raises LookupError for an unknown number, ValueError for what is no phone or no type.
    """
    number = number_of(state, body.phone_number_id)
    user = _user_of(number, body.user, "from")
    now = state.now()
    if body.type == "call":
        return user_calls(state, number, user, now)
    if body.type == "system":
        return user_moves(state, number, (user, _phone_of(number, body.text, "text")), now)
    if body.name is not None:
        state.people.know(user).name = body.name
    errors = tuple((each.code, each.details) for each in body.errors)
    written = Written(
        type=body.type,
        text=body.text,
        reply_to=body.reply_to,
        content=body.content,
        referral=body.referral,
        errors=errors,
        group_id=body.group_id,
    )
    return user_writes(state, number, user, now, written)


def let_prefer(state: State, body: Preference) -> None:
    """Let a user stop or resume marketing; raises as `let_happen` does."""
    number = number_of(state, body.phone_number_id)
    user_prefers(state, number, _user_of(number, body.user, "user"), body.value, state.now())


def number_of(state: State, phone_number_id: str) -> Number:
    """Find a number; LookupError says which one is unknown."""
    number = state.registry.numbers.get(phone_number_id)
    if number is None:
        raise LookupError(f"phone_number_id: {phone_number_id} is unknown")
    return number


def _user_of(number: Number, text: str, field: str) -> str:
    if identity.is_bsuid(text):
        return identity.phone_of_bsuid(text, number.scope) or text
    return _phone_of(number, text, field)


def _phone_of(number: Number, text: str, field: str) -> str:
    phone = identity.wa_id_of(text, number.calling_code)
    if phone is None:
        raise ValueError(f"{field}: {text!r} is not a phone number")
    return phone


def user_writes(
    state: State, number: Number, user: str, now: float, written: Written | None = None
) -> str:
    """Let a user's message arrive: it opens the service window and goes out by webhook.

    Returns its wamid; ValueError for a type that nobody can write.
    Source: SEND, 21 May 2026; BSUID, 15 Sep 2026 (R§3, R§8.5).
    """
    written = written or Written()
    wamid = state.new_wamid(now)
    message = _message(state, number, written, wamid, now)
    state.inbound_wamids[wamid] = (written.type, now)
    if state.knobs.inbound_counts:
        state.memory.throughput.note(number.id, now)
    if written.type not in NOT_OPENING:
        state.memory.windows.open(number.id, written.group_id or user, now)
    if written.referral is not None:
        state.memory.entry_points.arrive((number.id, user), now)
    state.sender.post(updates.inbound(number, _person(state, user), message))
    return wamid


def _person(state: State, user: str) -> Person:
    return state.people.get(user) or Person(user)


def _message(
    state: State, number: Number, written: Written, wamid: str, now: float
) -> dict[str, Any]:
    message: dict[str, Any] = {"id": wamid, "timestamp": str(int(now)), "type": written.type}
    content = written.content
    if content is None:
        content = _content(state, number, written, wamid, now)
    message[written.type] = content
    if written.reply_to is not None and written.type not in NOT_OPENING:
        message["context"] = {"from": number.digits, "id": written.reply_to}
    if written.referral is not None:
        message["referral"] = written.referral or contents.REFERRAL
    if written.group_id is not None:
        message["group_id"] = written.group_id
    errors = written.errors
    if written.type == "unsupported" and not errors:
        errors = (_UNSUPPORTED,)
    if errors:
        message["errors"] = [status_error(*each) for each in errors]
    return message


def _content(state: State, number: Number, written: Written, wamid: str, now: float) -> Any:
    kind = written.type
    if kind not in contents.MEDIA:
        return contents.of_type(kind, written.text, written.reply_to or wamid)
    file = f"{kind} of {wamid}".encode()
    mime_type = contents.mime_type_of(kind)
    kept = state.media.add(number.id, mime_type, file, now, RECEIVED_ID_LIFE_S)
    return contents.media(kind, written.text, kept.id, file)


def user_prefers(
    state: State, number: Number, user: str, value: Literal["stop", "resume"], now: float
) -> None:
    """Let a user stop or resume marketing. Source: W-PREF, 2026 (R§6.5)."""
    key = (number.scope, user)
    if value == "stop":
        state.memory.marketing_stopped.add(key)
    else:
        state.memory.marketing_stopped.discard(key)
    state.sender.post(updates.user_preference(number, _person(state, user), value, now))


def user_calls(state: State, number: Number, user: str, now: float) -> str:
    """Let a user call a number, which opens the service window whether or not anybody answers.

    Returns the id of the call. Source: CALL, 11 Dec 2025 (R§3, R§8.6).
    """
    call_id = f"wacid.{state.new_wamid(now).removeprefix('wamid.')}"
    state.memory.windows.open(number.id, user, now)
    event = {
        "to": number.digits,
        "id": call_id,
        "event": "connect",
        "timestamp": str(int(now)),
        "direction": "USER_INITIATED",
        "session": {"sdp": _SDP, "sdp_type": "offer"},
    }
    state.sender.post(updates.call(number, _person(state, user), event))
    return call_id


def user_moves(state: State, number: Number, phones: tuple[str, str], now: float) -> str:
    """Let a user go from one of two phones to the other; the business-scoped id changes too.

    A business that knows the phone hears of `user_changed_number`, else of `user_changed_user_id`;
    the old phone is on WhatsApp no more. Returns the wamid of what is told. Meta does not say
    whether the service window moves along; here it does not. Source: BSUID, 15 Sep 2026 (R§1.4,
    R§8.5).
    """
    user, phone = phones
    old = state.people.know(user)
    state.people.move(user, phone)
    wamid = state.new_wamid(now)
    state.inbound_wamids[wamid] = ("system", now)
    change: dict[str, Any] = {
        "user_id": updates.user_id_of(number, phone),
        "previous_user_id": updates.user_id_of(number, user),
    }
    message: dict[str, Any] = {"id": wamid, "timestamp": str(int(now)), "type": "system"}
    if old.username_only:
        change |= {"type": "user_changed_user_id", "body": f"User {old.name} changed their id"}
    else:
        body = f"User {old.name} changed from {user} to {phone}"
        change |= {"type": "user_changed_number", "wa_id": phone, "body": body}
        message["from"] = user
    state.sender.post(updates.system(number, message | {"system": change}))
    return wamid
