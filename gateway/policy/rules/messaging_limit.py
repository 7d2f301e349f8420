"""Refuses a new user when the pool's messaging limit is used up.

Meta's rule
    A portfolio (until October 2025: a number) may message only so many unique users outside
    service windows in a moving 24 hours. In the earlier regime a number that reached its limit
    became RESTRICTED for 24 hours.
Source
    LIM (11 Sep 2026), LIM-UP (26 Oct 2025); help-centre copies for the earlier regime. R§2, R§4.3.
    Meta documents no error code for it; 131048 is the one practitioners tie to it (R§2.4).
What the gateway does
    Keeps an exact ledger of users reached, holds back a headroom (5 % by default) for what other
    systems send, and lets a slot go 24 hours after the last send that held it.
Refused as
    131048, with the instant at which the next slot frees.
"""

from datetime import datetime

from gateway.policy.facts import Facts, PoolFacts
from gateway.policy.knobs import Knobs
from gateway.policy.verdict import Objection, hour
from gateway.whatsapp.message import Message
from gateway.whatsapp.number import Regime
from gateway.whatsapp.recipient import RecipientKind


def rule(message: Message, facts: Facts, knobs: Knobs, now: datetime) -> Objection | None:
    """Object when the send needs a slot and none is free."""
    if facts.window_open or message.recipient.kind is RecipientKind.GROUP:
        return None
    if facts.user.counts(knobs, now):
        return None
    pool = facts.pool
    # A row that has aged but was not swept yet is part of the count already.
    taken = pool.counted + (facts.user.reached_at is None)
    if taken <= pool.allowance:
        return None
    until = _next_slot(facts, knobs, now)
    return Objection("messaging_limit", 131048, _sentence(pool, until), until)


def _next_slot(facts: Facts, knobs: Knobs, now: datetime) -> datetime:
    until = facts.pool.next_slot_at or now + knobs.limit_window
    restricted_until = facts.number.restricted_until
    if facts.pool.regime is Regime.PER_NUMBER and restricted_until is not None:
        return max(until, restricted_until)
    return until


def _sentence(pool: PoolFacts, until: datetime) -> str:
    return (
        f"The messaging limit of {pool.messaging_limit} users in 24 hours is used up "
        f"({pool.counted} counted, {pool.headroom:.0%} held back); "
        f"the next slot frees at {hour(until)}."
    )
