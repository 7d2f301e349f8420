"""Follows one number through the time to come: when it may start one more, and what holds it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Final, NamedTuple

from gateway.policy.decide import RULES
from gateway.policy.facts import (
    Facts,
    NumberFacts,
    PoolFacts,
    RestrictionFacts,
    TemplateFacts,
    UserFacts,
    allowance_of,
)
from gateway.policy.gcra import Gcra
from gateway.policy.knobs import Knobs
from gateway.policy.number_clock import Standing, advance, stand
from gateway.policy.paces import DAY, HOUR, TEN_MINUTES, Paces
from gateway.policy.ramp import allowance
from gateway.policy.slots import MICROSECOND, Hold, Supply, Terms
from gateway.policy.verdict import Objection, hour
from gateway.whatsapp.message import Message
from gateway.whatsapp.number import QualityRating
from gateway.whatsapp.recipient import Recipient, RecipientKind
from gateway.whatsapp.template import TemplateKey

EFFECTIVE: Final = 0.955
"""Part of a number's throughput that its line makes use of."""
GATES: Final = ("account", "restriction", "template", "quality", "spam_limit")
"""Rules that shut a number whoever the message is for."""
LONG_AGO: Final = -(10**18)
FAR_AHEAD: Final = 10**18
SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Sender:
    """A number as it stands before a campaign; `throughput` in messages a second.

    `template` None: nobody knows it; that is proof of its absence where `templates_known`.
    """

    number: NumberFacts
    throughput: int
    knobs: Knobs
    key: TemplateKey
    template: TemplateFacts | None
    templates_known: bool = False
    restrictions: tuple[RestrictionFacts, ...] = ()
    paces: Paces = field(default_factory=Paces)

    def enforces(self, rule: str) -> bool:
        """Tell whether a rule holds messages back."""
        return rule not in self.knobs.off and rule not in self.knobs.shadow


class Gate(NamedTuple):
    """From when a number is open, None for never, and what it is shut for until then."""

    opens_at: datetime | None
    hold: Hold | None = None


def gate(sender: Sender, supply: Supply, now: datetime) -> Gate:
    """Ask the rules themselves, at each end that one of them names, when the number is open.

    A rating of RED without a flag has no end that anybody knows. When a flag ends, the rating is
    taken to have recovered, since nothing could be foretold otherwise.
    """
    at, number = now, sender.number
    hold: Hold | None = None
    while True:
        number = advance(Standing(number, supply.messaging_limit), supply.regime, at).number
        objection = _strictest(_objections(sender, number, supply, at))
        if objection is None:
            return Gate(at, hold)
        hold = Hold(objection.rule, objection.details)
        if objection.until is None:
            return Gate(None, hold)
        if objection.rule == "quality":
            if number.flagged_until is None:
                details = "The number is rated RED: no marketing until it has recovered."
                return Gate(None, Hold("quality", details))
            number = replace(number, quality_rating=QualityRating.UNKNOWN)
        at = objection.until


def _objections(
    sender: Sender, number: NumberFacts, supply: Supply, at: datetime
) -> Iterable[Objection]:
    pool = PoolFacts(number.pool_id, supply.regime, supply.messaging_limit, supply.headroom)
    facts = Facts(
        number,
        pool,
        UserFacts(),
        sender.restrictions,
        sender.template,
        templates_known=sender.templates_known,
    )
    message = Message("template", Recipient(RecipientKind.PHONE, ""), sender.key, None, None)
    for name in GATES:
        objection = RULES[name](message, facts, sender.knobs, at)
        if objection is not None and sender.enforces(name):
            yield objection


def _strictest(objections: Iterable[Objection]) -> Objection | None:
    latest: Objection | None = None
    for objection in objections:
        if objection.until is None:
            return objection
        if latest is None or latest.until is None or objection.until >= latest.until:
            latest = objection
    return latest


class _Schedule:
    """A virtual schedule (GCRA) in whole microseconds; `slack` is what it lets through at once."""

    __slots__ = ("hold", "interval", "slack", "tat")

    def __init__(self, tat: int) -> None:
        self.tat = tat

    def set(self, limit: int, period: timedelta, hold: Hold) -> None:
        interval, burst = Gcra.within(limit, period)
        self.interval = interval // MICROSECOND
        self.slack = (burst - 1) * self.interval
        self.hold = hold


class Lane:
    """One open number in the time to come; instants are microseconds since `now`.

    `earliest` may be asked for later and later instants only; `hold` says what it waited for.
    """

    def __init__(self, sender: Sender, supply: Supply, opened: Gate, now: datetime) -> None:
        self._sender = sender
        self._supply = supply
        self._now = now
        self._opens_at = self._since(opened.opens_at or now)
        self._gate = opened.hold
        rate = sender.throughput * EFFECTIVE
        self._spacing = ceil(SECOND_US / rate)
        self._wire = Hold("throughput", f"The number sends {rate:.4g} messages a second.")
        self._wire_at = 0
        self._schedules = tuple(
            _Schedule(LONG_AGO if tat is None else self._since(tat))
            for tat in (
                sender.paces.sends_10m_tat,
                sender.paces.users_hour_tat,
                sender.paces.users_day_tat,
            )
        )
        self.hold = self._wire
        self._refresh(0)

    def earliest(self, at: int, *, new_user: bool) -> int:
        """Return when one more may be started, `at` at the earliest."""
        at, hold = max(at, self._wire_at), self._wire
        if at >= self._changes_at:
            self._refresh(at)
        while True:
            fits = at
            if self._opens_at > fits and self._gate is not None:
                fits, hold = self._opens_at, self._gate
            for schedule in self._of_new if new_user else self._of_all:
                if schedule.tat - schedule.slack > fits:
                    fits, hold = schedule.tat - schedule.slack, schedule.hold
            if fits < self._changes_at:
                self.hold = hold
                return fits
            # What holds beyond a change holds until the change at least, and from there on anew.
            at = self._changes_at
            self._refresh(at)

    def start(self, at: int, *, new_user: bool) -> None:
        """Start one at the instant that `earliest` gave."""
        self._wire_at = at + self._spacing
        for schedule in self._of_new if new_user else self._of_all:
            schedule.tat = max(schedule.tat, at) + schedule.interval
        if new_user and self._forgets_day:
            self._schedules[-1].tat = LONG_AGO

    def restrict(self, at: int) -> None:
        """Shut the number, which has reached its messaging limit, for its 24 hours."""
        if self._sender.enforces("restriction"):
            self._opens_at = at + self._sender.knobs.restricted_for // MICROSECOND
            until = hour(self._now + self._opens_at * MICROSECOND)
            sentence = f"The messaging limit is reached: RESTRICTED, replies only until {until}."
            self._gate = Hold("restriction", sentence)

    def _since(self, instant: datetime) -> int:
        return (instant - self._now) // MICROSECOND

    def _refresh(self, at: int) -> None:
        """Take over what the clocks and ramps say at this instant."""
        sender, supply = self._sender, self._supply
        instant = self._now + at * MICROSECOND
        standing = Standing(sender.number, supply.messaging_limit)
        number, limit = stand(standing, supply.regime, sender.restrictions, instant)
        self.terms = Terms(
            limit,
            allowance_of(limit, supply.headroom),
            sender.enforces("messaging_limit"),
            sender.enforces("share"),
        )
        self._changes_at = self._next_change(number, instant)
        self._set_paces(number, limit, instant)

    def _set_paces(self, number: NumberFacts, limit: int, instant: datetime) -> None:
        allowed = allowance(number, limit, self._sender.knobs, instant)
        sends, users, day = self._schedules

        def hold(what: str) -> Hold:
            return Hold("activity", f"The number may start {what} ({allowed.phase}).")

        sends.set(allowed.sends_10m, TEN_MINUTES, hold(f"{allowed.sends_10m} sends in 10 minutes"))
        users.set(allowed.users_hour, HOUR, hold(f"{allowed.users_hour} new users an hour"))
        self._of_all: tuple[_Schedule, ...] = (sends,)
        self._of_new: tuple[_Schedule, ...] = (sends, users)
        self._forgets_day = allowed.users_day is None
        if allowed.users_day is not None:
            day.set(allowed.users_day, DAY, hold(f"{allowed.users_day} new users a day"))
            self._of_new = (sends, users, day)
        if not self._sender.enforces("activity"):
            self._of_all = self._of_new = ()

    def _next_change(self, number: NumberFacts, instant: datetime) -> int:
        """Return when the next day of a ramp begins, or what stops the number ends."""
        changes = [
            since + ((instant - since) // DAY + 1) * DAY
            for since in (number.active_since, number.recovering_since)
            if since is not None
        ]
        ends = (
            number.flagged_until,
            number.restricted_until,
            *(each.until for each in self._sender.restrictions),
        )
        changes += [end for end in ends if end is not None and end > instant]
        return self._since(min(changes)) if changes else FAR_AHEAD
