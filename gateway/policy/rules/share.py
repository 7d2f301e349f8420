"""Keeps part of a pool's messaging limit for classes or apps, and the rest from who has had enough.

Meta's rule
    The messaging limit is shared by everything that sends from the numbers of a portfolio; one
    campaign can use up all of it.
Source
    LIM (11 Sep 2026), R§2.1; how it is divided is ours. By default marketing has 80 % at the most.
What the gateway does
    Counts on whose account each slot goes. A holder (a class or an app) has never more than its
    cap, and what is reserved for one is never lent to another; the rest is borrowed freely.
Refused as
    131048, with the instant at which a slot of that holder, or of the pool, comes free.
"""

from datetime import datetime

from gateway.policy.facts import Facts
from gateway.policy.knobs import Knobs
from gateway.policy.shares import holders_of, obstacle
from gateway.policy.verdict import Objection, hour
from gateway.whatsapp.message import Message
from gateway.whatsapp.number import UNLIMITED
from gateway.whatsapp.recipient import RecipientKind


def rule(message: Message, facts: Facts, knobs: Knobs, now: datetime) -> Objection | None:
    """Object when the slot would be somebody else's."""
    if facts.window_open or message.recipient.kind is RecipientKind.GROUP:
        return None
    pool = facts.pool
    if not pool.shares or pool.messaging_limit >= UNLIMITED or facts.user.counts(knobs, now):
        return None
    own = holders_of(facts.send_class, facts.app_id)
    # A row of this user that has aged but was not swept yet is part of the count already.
    counted = pool.counted - (facts.user.reached_at is not None)
    limits = (pool.messaging_limit, pool.allowance, counted)
    found = obstacle(pool.shares, pool.usage, own, limits)
    if found is None:
        return None
    until = pool.next_share_at.get(found.capped) if found.capped else pool.next_slot_at
    until = until or now + knobs.limit_window
    details = (
        f"Of the messaging limit of {pool.messaging_limit} users {found.sentence}; "
        f"the next slot frees at {hour(until)}."
    )
    return Objection("share", 131048, details, until)
