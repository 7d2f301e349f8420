"""Answers POST to `/messages` and `/marketing_messages`."""

import asyncio
from typing import assert_never

from aiohttp import web

from gateway.emulator import messages
from gateway.emulator.errors import Refusal
from gateway.emulator.graph import answers, mishaps, sending
from gateway.emulator.graph.faults import Fault, Occasion
from gateway.emulator.messages import Receipt, Send
from gateway.emulator.registry import Number
from gateway.emulator.rules.case import Finding
from gateway.emulator.state import State
from gateway.emulator.webhooks import updates

_SUCCESS = b'{"success":true}'
# After these the message has been taken, whatever the sender gets to hear.
_TAKING = frozenset(
    {
        "accept_then_reset",
        "accept_then_timeout",
        "accept_then_fail",
        "value_error",
        "half_answer",
        "delay",
    }
)


async def post_message(
    state: State, request: web.Request, number: Number, *, for_marketing: bool = False
) -> web.StreamResponse:
    """Take a message, a read receipt or a typing indicator, unless a fault is armed for it."""
    if state.knobs.answer_delay_s > 0:
        await asyncio.sleep(state.knobs.answer_delay_s)
    parsed = messages.parse(await request.read(), number, lenient=state.mode == "observe")
    if not isinstance(parsed, Send):
        return _answer(state, _checked(state, parsed))
    fault = None
    if not state.faults.is_empty:
        kind, template = parsed.type, parsed.template_name
        occasion = Occasion(request.path, number.id, parsed.user, kind, template=template)
        fault = state.faults.strike(occasion)
    if fault is None:
        return _answer(state, sending.take(state, number, parsed, for_marketing=for_marketing))
    return await _go_wrong(state, request, (number, parsed, for_marketing), fault)


def answer_at_once(state: State, number: Number, body: bytes) -> tuple[int, bytes]:
    """Answer a POST to `/messages` for which no fault is armed: HTTP status and JSON."""
    parsed = messages.parse(body, number, lenient=state.mode == "observe")
    outcome: sending.Accepted | Refusal | Receipt
    if isinstance(parsed, Send):
        outcome = sending.take(state, number, parsed, for_marketing=False)
    else:
        outcome = _checked(state, parsed)
    match outcome:
        case sending.Accepted():
            return 200, outcome.body
        case Receipt():
            return 200, _SUCCESS
        case Refusal():
            return state.status_of(outcome), state.refusal_body(outcome)
        case _:
            assert_never(outcome)


def _checked(state: State, parsed: Receipt | Refusal) -> Receipt | Refusal:
    """Refuse a read receipt of an unknown message. Source: mark-as-read, 2 Jul 2026 (R§1.6)."""
    if isinstance(parsed, Refusal) or state.mode == "observe":
        return parsed
    if parsed.message_id in state.inbound_wamids:
        return parsed
    return Refusal(131009, "The message_id is not known.")


def _answer(state: State, outcome: sending.Accepted | Receipt | Refusal) -> web.StreamResponse:
    match outcome:
        case sending.Accepted():
            return answers.raw(outcome.body)
        case Receipt():
            return answers.success()
        case Refusal():
            return answers.refusal(state, outcome)
        case _:
            assert_never(outcome)


async def _go_wrong(
    state: State, request: web.Request, message: tuple[Number, Send, bool], fault: Fault
) -> web.StreamResponse:
    number, send, for_marketing = message
    if fault.action not in _TAKING:
        sending.refuse(state, number, send, fault.code if fault.action == "error" else None)
        answer = answers.refusal(state, fault.refusal())
        return await mishaps.end(request, fault.action, answer, state.closing)
    if fault.action == "delay":
        await asyncio.sleep(fault.delay_s)
    fate = None
    if fault.action == "accept_then_fail":
        fate = Finding("fault", fault.code, fault.details, "async")
    outcome = sending.take(state, number, send, for_marketing=for_marketing, fate=fate)
    if isinstance(outcome, Refusal):
        return answers.refusal(state, outcome)
    if fault.action == "value_error":
        now = state.now()
        state.sender.post(updates.system_error(number, fault.code, fault.details, now))
    return await mishaps.end(request, fault.action, answers.raw(outcome.body), state.closing)
