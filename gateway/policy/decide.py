"""Decides on one message: asks every rule and keeps the strictest answer."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from gateway.policy.facts import Facts
from gateway.policy.knobs import Knobs
from gateway.policy.rules import (
    account,
    activity,
    marketing_preference,
    messaging_limit,
    pair_rate,
    quality,
    repetition,
    restriction,
    service_window,
    share,
    spam_limit,
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
    "spam_limit": spam_limit.rule,
    "repetition": repetition.rule,
    "activity": activity.rule,
    "share": share.rule,
    "messaging_limit": messaging_limit.rule,
    "pair_rate": pair_rate.rule,
}

BOOKABLE: Final = frozenset({"activity", "pair_rate"})
"""Rules that only spread messages out: who may wait is given the instant that fits."""


def decide(
    message: Message,
    facts: Facts,
    knobs: Knobs,
    now: datetime,
    patience: timedelta = timedelta(0),
) -> Verdict:
    """Return the verdict on `message` at `now`.

    All objections are collected; those of rules in shadow do not count, those of rules that are
    off are not even kept. One without an hour rejects, else the latest hour defers, else the
    message is admitted. Where nothing but spreading out speaks against it and it may wait so long
    (`patience`), it is admitted for a later instant, unless the service window shuts before.
    """
    raised = [
        objection
        for name, rule in RULES.items()
        if (objection := rule(message, facts, knobs, now)) is not None and name not in knobs.off
    ]
    if not raised:
        return Verdict(Decision.ADMIT, None, (), (), not facts.window_open)
    enforced = tuple(objection for objection in raised if objection.rule not in knobs.shadow)
    shadowed = tuple(objection for objection in raised if objection.rule in knobs.shadow)
    decision, decisive = _strictest(enforced)
    if decision is Decision.DEFER and BOOKABLE.issuperset({each.rule for each in enforced}):
        fits_at = decisive.until if decisive else None
        if fits_at is not None and fits_at <= now + patience and _still_open(facts, knobs, fits_at):
            return Verdict(Decision.ADMIT, None, (), shadowed, not facts.window_open, fits_at)
    return Verdict(decision, decisive, enforced, shadowed, not facts.window_open)


def _still_open(facts: Facts, knobs: Knobs, at: datetime) -> bool:
    """Tell whether what needs an open window still has it at `at`."""
    return not facts.window_open or facts.user.has_open_window(knobs, at)


def _strictest(objections: tuple[Objection, ...]) -> tuple[Decision, Objection | None]:
    latest: Objection | None = None
    for objection in objections:
        if objection.until is None:
            return Decision.REJECT, objection
        if latest is None or latest.until is None or objection.until >= latest.until:
            latest = objection
    return (Decision.DEFER, latest) if latest else (Decision.ADMIT, None)
