"""Decides on one message: asks every rule and keeps the strictest answer."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from gateway.policy.facts import Facts
from gateway.policy.knobs import Knobs
from gateway.policy.rules import (
    account,
    marketing_preference,
    messaging_limit,
    pair_rate,
    quality,
    restriction,
    service_window,
    template,
)
from gateway.policy.verdict import Decision, Objection, Verdict
from gateway.whatsapp.message import Message

Rule = Callable[[Message, Facts, Knobs, datetime], Objection | None]

# Where two rules ask to wait until the same instant, the later in this order is told.
RULES: Final[dict[str, Rule]] = {
    "account": account.rule,
    "restriction": restriction.rule,
    "marketing_preference": marketing_preference.rule,
    "service_window": service_window.rule,
    "template": template.rule,
    "quality": quality.rule,
    "messaging_limit": messaging_limit.rule,
    "pair_rate": pair_rate.rule,
}


def decide(message: Message, facts: Facts, knobs: Knobs, now: datetime) -> Verdict:
    """Return the verdict on `message` at `now`.

    All objections are collected; those of rules in shadow do not count. One without an hour
    rejects, else the latest hour defers, else the message is admitted.
    """
    raised = [
        objection
        for rule in RULES.values()
        if (objection := rule(message, facts, knobs, now)) is not None
    ]
    if not raised:
        return Verdict(Decision.ADMIT, None, (), (), not facts.window_open)
    enforced = tuple(objection for objection in raised if objection.rule not in knobs.shadow)
    shadowed = tuple(objection for objection in raised if objection.rule in knobs.shadow)
    decision, decisive = _strictest(enforced)
    return Verdict(decision, decisive, enforced, shadowed, not facts.window_open)


def _strictest(objections: tuple[Objection, ...]) -> tuple[Decision, Objection | None]:
    latest: Objection | None = None
    for objection in objections:
        if objection.until is None:
            return Decision.REJECT, objection
        if latest is None or latest.until is None or objection.until >= latest.until:
            latest = objection
    return (Decision.DEFER, latest) if latest else (Decision.ADMIT, None)
