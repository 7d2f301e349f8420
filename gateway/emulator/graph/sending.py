"""Takes one message in: judges it, writes it down, answers, and lets its statuses follow."""

from typing import NamedTuple

import orjson

from gateway.emulator.errors import Refusal
from gateway.emulator.journal import DIRECT, MISDIRECTED, Class, Ending, Fate, Sighting, Violation
from gateway.emulator.life import delivery, lifecycle, pacing, reaction_targets
from gateway.emulator.messages import Send
from gateway.emulator.registry import Number
from gateway.emulator.rules import (
    allow_list,
    call_permission,
    marketing_api,
    pricing,
    recipients,
)
from gateway.emulator.rules.case import Case, Finding
from gateway.emulator.rules.judge import judge
from gateway.emulator.rules.pricing import Price
from gateway.emulator.state import State
from gateway.emulator.webhooks.updates import Sent


class Accepted(NamedTuple):
    """The message was taken; `body` is the answer of HTTP 200."""

    body: bytes
    wamid: str


def take(
    state: State,
    number: Number,
    send: Send,
    *,
    for_marketing: bool,
    fate: Finding | None = None,
) -> Accepted | Refusal:
    """Judge a well-formed message and act upon it, in one step that nothing interrupts.

    With a `fate` the message fails of that later on, if nothing is wrong with it.
    """
    now = state.now()
    case = _case(state, number, send, now, by_marketing_api=for_marketing)
    findings = judge(case)
    if state.mode == "enforce":
        for finding in findings:
            if finding.channel == "sync":
                _blame(case, findings, None, state)
                _see(state, number, send, Ending(now, code=finding.code))
                state.journal.weighed(_class_of(case, "refused"))
                if finding.rule == "throughput":
                    delivery.tell_throttling(state, number, finding.detail, now)
                    state.sender.seal()
                return Refusal(finding.code, finding.detail)
    accepted = _accept(state, case, findings, fate)
    state.sender.seal()
    return accepted


def refuse(state: State, number: Number, send: Send, code: int | None) -> None:
    """Write down a message that was not taken, and on which no rule was asked."""
    state.journal.unjudged[number.id] += 1
    _see(state, number, send, Ending(state.clock.now().timestamp(), code=code))


def _case(state: State, number: Number, send: Send, now: float, *, by_marketing_api: bool) -> Case:
    template = None
    if send.template_name is not None and send.template_language is not None:
        template = state.registry.template(
            number.waba_id, send.template_name, send.template_language
        )
    return Case(
        send=send,
        number=number,
        template=template,
        is_reply=state.memory.windows.is_open(number.id, send.user, now),
        now=now,
        registry=state.registry,
        memory=state.memory,
        people=state.people,
        knobs=state.knobs,
        by_marketing_api=by_marketing_api,
    )


def _accept(state: State, case: Case, findings: list[Finding], fate: Finding | None) -> Accepted:
    number, send, now = case.number, case.send, case.now
    wamid = state.new_wamid(now)
    cost = pricing.price(case)
    fate = _fate(state, findings) or fate or _fate_by_others(state, case, cost)
    if fate is None:
        pricing.charge(case, cost)
    _blame(case, findings, wamid, state)
    _see(state, number, send, Ending(now, wamid, fails_with=fate.code if fate else None))
    state.journal.weighed(_class_of(case, "failed" if fate else "accepted"))
    is_held = False
    sent = _sent(case, wamid, cost) if _has_a_sequel(state, case, fate) else None
    if sent is not None:
        is_held = pacing.hold(state, case, sent, fate)
    is_doomed = fate is not None and fate.channel == "async"
    _count(state, case, findings, wamid if is_held or is_doomed else None)
    if is_held:
        lifecycle.user_was_counted(state, number, now)
    elif sent is not None:
        delivery.follow(state, case, sent, fate)
    return Accepted(_answer(send, wamid, is_held=is_held), wamid)


def _has_a_sequel(state: State, case: Case, fate: Finding | None) -> bool:
    """Whether anything follows from the acceptance, which costs more than all the judging."""
    if fate is not None and fate.channel == "silent":
        return False
    return pacing.is_on(state) or delivery.is_followed(state, case, fate)


def _fate(state: State, findings: list[Finding]) -> Finding | None:
    """Choose what becomes of an accepted message: the first failure to come, if any."""
    if state.mode == "observe":
        return None
    return next((each for each in findings if each.channel != "none"), None)


def _fate_by_others(state: State, case: Case, cost: Price) -> Finding | None:
    return recipients.fate(case) or reaction_targets.fate(state, case) or pricing.fate(case, cost)


def _count(state: State, case: Case, findings: list[Finding], doomed: str | None) -> None:
    number, user, now = case.number, case.send.user, case.now
    broken = {finding.rule for finding in findings} if findings else ()
    # What broke a rate is not counted in it, so that observe mode notes exactly the messages
    # which enforce mode would have refused.
    if "throughput" not in broken:
        state.memory.throughput.note(number.id, now)
    if "pair_rate" not in broken and not case.send.to_group:
        state.memory.pair_rate.note(number.id, user, now)
    if number.is_test_number:
        allow_list.enrol(case)
    if "call_permission" not in broken and call_permission.is_request(case):
        state.memory.calling.note_request((number.id, user), now)
    if not case.is_counted_kind or state.knobs.count_on != "accept":
        return
    if doomed is None:
        lifecycle.count(state, number, user, now)
        return
    state.memory.ledger.reach_in_vain(number.pool_id, user, doomed, now)
    if "messaging_limit" in broken:
        lifecycle.user_was_counted(state, number, now)


def _class_of(case: Case, fate: Fate) -> Class:
    send, kind = case.send, case.send.type
    if kind == "interactive":
        kind = str(send.payload.get("type"))
    if send.category is not None and kind != "template":
        kind = DIRECT if send.is_direct else MISDIRECTED
    category = case.template.category if case.template else None
    return case.number.id, kind, category, case.is_reply, send.to_group, fate


def _blame(case: Case, findings: list[Finding], wamid: str | None, state: State) -> None:
    for finding in findings:
        state.journal.blame(
            Violation(
                at=case.now,
                phone_number_id=case.number.id,
                user=case.send.user,
                rule=finding.rule,
                code=finding.code,
                detail=finding.detail,
                wamid=wamid,
            )
        )


def _see(state: State, number: Number, send: Send, ending: Ending) -> None:
    state.journal.saw(
        Sighting(
            phone_number_id=number.id,
            user=send.user,
            type=send.type,
            template=send.template_name,
            text=send.text,
            biz_opaque_callback_data=send.callback_data,
            ending=ending,
        )
    )


def _answer(send: Send, wamid: str, *, is_held: bool) -> bytes:
    """Build the answer of a success. Source: OAPI, BSUID 15 Sep 2026, PACE 2026 (R§1.5)."""
    message = {"id": wamid}
    if send.type == "template":
        message["message_status"] = "held_for_quality_assessment" if is_held else "accepted"
    contact = {"input": send.given}
    if send.to_group:
        message["group_id"] = send.user
    elif send.by_bsuid:
        contact["user_id"] = send.given
    else:
        contact["wa_id"] = send.user
    return orjson.dumps(
        {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}
    )


def _sent(case: Case, wamid: str, cost: Price) -> Sent:
    send = case.send
    person = case.people.get(send.user)
    category = "utility" if send.is_direct else "service"
    if send.type == "template":
        category = case.template.category.lower() if case.template else "marketing"
    if category == "marketing" and marketing_api.is_lite(case):
        category = "marketing_lite"
    return Sent(
        wamid=wamid,
        user=send.user,
        by_bsuid=send.by_bsuid,
        to_group=send.to_group,
        category=category,
        callback_data=send.callback_data,
        type=send.type,
        takes_slot=case.is_counted_kind,
        is_reply=case.is_reply,
        template=case.template,
        payload=send.payload,
        name="Example User" if person is None else person.name,
        pricing_type=cost.type,
        free_until=cost.free_until,
    )
