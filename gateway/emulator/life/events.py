"""Lets things happen in the world: users write, ratings fall, templates pause, Meta restricts."""

from typing import Any

from gateway.emulator import identity
from gateway.emulator.life import lifecycle
from gateway.emulator.registry import Number, Restriction, Template
from gateway.emulator.state import State
from gateway.emulator.steering.bodies import (
    Inbound,
    NewRestriction,
    NumberChange,
    Preference,
    TemplateChange,
)
from gateway.emulator.webhooks import updates

# What Meta leaves open is decided as R§8.5 does: these do not open a service window.
NOT_OPENING = frozenset({"reaction", "system", "unsupported", "edit", "revoke"})
_MEDIA = frozenset({"image", "video", "audio", "document", "sticker"})
_WITH_CAPTION = frozenset({"image", "video", "document"})
# Source: PAUSE, 22 Oct 2025 (R§6.4): 3 h, then 6 h, then disabled.
PAUSES_S = (3 * 3600.0, 6 * 3600.0)
_PAUSE_TITLES = ("FIRST_PAUSE", "SECOND_PAUSE")


def number_of(state: State, phone_number_id: str) -> Number:
    """Find a number; LookupError says which one is unknown."""
    number = state.registry.numbers.get(phone_number_id)
    if number is None:
        raise LookupError(f"phone_number_id: {phone_number_id} is unknown")
    return number


def _user_of(number: Number, text: str, field: str) -> str:
    if identity.is_bsuid(text):
        return identity.phone_of_bsuid(text, number.scope) or text
    user = identity.wa_id_of(text, number.calling_code)
    if user is None:
        raise ValueError(f"{field}: {text!r} is not a phone number")
    return user


def user_writes(state: State, body: Inbound) -> str:
    """Let a user's message arrive: it opens the window and goes out by webhook.

    Returns its wamid; raises LookupError for an unknown number, ValueError for a bad phone.
    """
    number = number_of(state, body.phone_number_id)
    user = _user_of(number, body.user, "from")
    now = state.now()
    wamid = state.new_wamid(now)
    state.inbound_wamids.add(wamid)
    state.memory.throughput.note(number.id, now)
    if body.type not in NOT_OPENING:
        state.memory.windows.open(number.id, user, now)
    content = {body.type: _content(body.type, body.text, wamid)}
    message = {"id": wamid, "timestamp": str(int(now)), "type": body.type} | content
    state.sender.post(updates.inbound(number, user, message, body.name))
    return wamid


def _content(kind: str, text: str, wamid: str) -> Any:
    if kind in _MEDIA:
        media: dict[str, Any] = {"id": f"in-{wamid[-12:]}", "mime_type": "application/octet-stream"}
        return media | ({"caption": text} if kind in _WITH_CAPTION else {})
    contents: dict[str, Any] = {
        "text": {"body": text},
        "button": {"payload": text, "text": text},
        "interactive": {"type": "button_reply", "button_reply": {"id": text, "title": text}},
        "reaction": {"message_id": wamid, "emoji": text},
        "location": {"latitude": 40.4, "longitude": -3.7, "name": text},
        "contacts": [{"name": {"formatted_name": text, "first_name": text}}],
    }
    return contents.get(kind, {"body": text})


def user_prefers(state: State, body: Preference) -> None:
    """Let a user stop or resume marketing (R§6.5)."""
    number = number_of(state, body.phone_number_id)
    user = _user_of(number, body.user, "user")
    key = (number.scope, user)
    if body.value == "stop":
        state.memory.marketing_stopped.add(key)
    else:
        state.memory.marketing_stopped.discard(key)
    state.sender.post(updates.user_preference(number, user, body.value, state.now()))


def change_number(state: State, number: Number, body: NumberChange) -> None:
    """Change a number, with the webhooks Meta would send."""
    now = state.now()
    if body.quality_rating is not None:
        lifecycle.rate(state, number, body.quality_rating, now)
    if body.status is not None:
        lifecycle.set_status(state, number, body.status, now)
    if body.throughput is not None:
        lifecycle.set_throughput(state, number, body.throughput, now)
    if "messaging_limit" in body.model_fields_set:
        lifecycle.set_limit(state, number, body.messaging_limit, now)


def change_templates(state: State, name: str, body: TemplateChange) -> list[Template]:
    """Change the templates of a name; LookupError when there is none."""
    found = [
        each
        for each in state.registry.templates.values()
        if each.name == name
        and body.language in {None, each.language}
        and body.waba_id in {None, each.waba_id}
    ]
    if not found:
        raise LookupError(f"name: no template {name} of this language and WABA")
    for each in found:
        _change_template(state, each, body)
    return found


def _change_template(state: State, template: Template, body: TemplateChange) -> None:
    now = state.now()
    if body.category is not None and body.category != template.category:
        old, template.category = template.category, body.category
        state.sender.post(updates.template_category(template, old, now))
    if body.quality is not None and body.quality != template.quality:
        old, template.quality = template.quality, body.quality
        template.quality_at = now
        state.sender.post(updates.template_quality(template, old, now))
    if body.status is not None and body.status != template.status:
        _set_template_status(state, template, body.status, now)


def _set_template_status(state: State, template: Template, status: str, now: float) -> None:
    was_paused = template.status == "PAUSED"
    template.status = status
    title = "UNPAUSE" if was_paused and status == "APPROVED" else None
    if status == "PAUSED":
        title = _PAUSE_TITLES[min(template.pauses, 1)]
        _plan_unpause(state, template, now)
    state.sender.post(updates.template_status(template, status, title, now))


def _plan_unpause(state: State, template: Template, now: float) -> None:
    """Plan the end of a pause for quality. Source: PAUSE, 22 Oct 2025 (R§6.4)."""
    until = now + PAUSES_S[min(template.pauses, 1)]
    template.pauses += 1
    pause = template.pauses

    def end(due: float) -> None:
        if template.status == "PAUSED" and template.pauses == pause:
            _set_template_status(state, template, "APPROVED", due)

    state.schedule.at(until, end)


def restrict_account(state: State, body: NewRestriction) -> float:
    """Restrict a WABA and tell it; returns when the restriction expires."""
    if body.waba_id not in state.registry.waba_ids:
        raise LookupError(f"waba_id: {body.waba_id} is unknown")
    now = state.now()
    expires_at = float(int(now + body.duration_s if body.duration_s else body.expiration or now))
    state.registry.restrictions.append(Restriction(body.waba_id, body.restriction_type, expires_at))
    update = updates.account_restrictions(body.waba_id, [body.restriction_type], expires_at, now)
    state.sender.post(update)
    return expires_at
