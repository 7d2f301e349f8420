"""Takes one message in: judges it, writes it down, answers, and lets its statuses follow."""

from dataclasses import dataclass

import orjson

from gateway.emulator.errors import Refusal
from gateway.emulator.journal import Ending, Sighting, Violation
from gateway.emulator.life import delivery, lifecycle
from gateway.emulator.messages import Send
from gateway.emulator.registry import Number
from gateway.emulator.rules import recipients
from gateway.emulator.rules.judge import Case, Finding, judge
from gateway.emulator.state import State
from gateway.emulator.webhooks.updates import Sent


@dataclass(frozen=True, slots=True)
class Accepted:
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
    case = _case(state, number, send, now)
    if for_marketing and (case.template is None or case.template.category != "MARKETING"):
        refusal = Refusal(134100, "Only marketing templates may be sent here.")
        if send.type != "template" or case.template is not None or state.mode == "enforce":
            refuse(state, number, send, refusal.code)
            return refusal
    findings = list(judge(case))
    if state.mode == "enforce":
        for finding in findings:
            if finding.channel == "sync":
                _blame(case, findings, None, state)
                refuse(state, number, send, finding.code)
                return Refusal(finding.code, finding.detail)
    return _accept(state, case, findings, fate)


def refuse(state: State, number: Number, send: Send, code: int | None) -> None:
    """Write down a message that was not taken."""
    _see(state, number, send, Ending(state.clock.now().timestamp(), code=code))


def _case(state: State, number: Number, send: Send, now: float) -> Case:
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
    )


def _accept(state: State, case: Case, findings: list[Finding], fate: Finding | None) -> Accepted:
    number, send, now = case.number, case.send, case.now
    wamid = state.new_wamid(now)
    fate = _fate(state, findings) or fate or recipients.fate(case)
    _blame(case, findings, wamid, state)
    _see(state, number, send, Ending(now, wamid, fails_with=fate.code if fate else None))
    _count(state, case, findings, wamid if fate and fate.channel == "async" else None)
    if fate is None or fate.channel != "silent":
        delivery.follow(state, case, _sent(case, wamid), fate)
    return Accepted(_answer(send, wamid), wamid)


def _fate(state: State, findings: list[Finding]) -> Finding | None:
    """Choose what becomes of an accepted message: the first failure to come, if any."""
    if state.mode == "observe":
        return None
    return next((each for each in findings if each.channel != "none"), None)


def _count(state: State, case: Case, findings: list[Finding], doomed: str | None) -> None:
    number, user, now = case.number, case.send.user, case.now
    broken = {finding.rule for finding in findings}
    # What broke a rate is not counted in it, so that observe mode notes exactly the messages
    # which enforce mode would have refused.
    if "throughput" not in broken:
        state.memory.throughput.note(number.id, now)
    if "pair_rate" not in broken and not case.send.to_group:
        state.memory.pair_rate.note(number.id, user, now)
    if not case.is_counted_kind or state.knobs.count_on != "accept":
        return
    if doomed is None:
        lifecycle.count(state, number, user, now)
        return
    state.memory.ledger.reach_in_vain(number.pool_id, user, doomed, now)
    if "messaging_limit" in broken:
        lifecycle.user_was_counted(state, number, now)


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


def _answer(send: Send, wamid: str) -> bytes:
    """Build the answer of a success. Source: OAPI, BSUID 15 Sep 2026, PACE 2026 (R§1.5)."""
    message = {"id": wamid}
    if send.type == "template":
        message["message_status"] = "accepted"
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


def _sent(case: Case, wamid: str) -> Sent:
    send = case.send
    category = "service"
    if send.type == "template":
        category = case.template.category.lower() if case.template else "marketing"
    return Sent(
        wamid=wamid,
        user=send.user,
        by_bsuid=send.by_bsuid,
        to_group=send.to_group,
        category=category,
        callback_data=send.callback_data,
        type=send.type,
        takes_slot=case.is_counted_kind,
    )
