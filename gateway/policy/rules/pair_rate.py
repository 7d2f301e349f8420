"""Refuses a message that comes too soon after others to the same user.

Meta's rule
    One number may send one user one message in 6 seconds, and up to 45 at once if it then rests
    for as long as they would have taken.
Source
    ABOUT (11 Sep 2026), ERR (18 Jun 2026) 131056. R§5.2.
What the gateway does
    Runs the same allowance as a virtual schedule (GCRA) with a burst of 30, so that what other
    systems send still fits under Meta's 45. A message that may wait long enough is given the next
    instant that fits, which holds up nobody else. After 131056 from Meta the pair rests for
    4^X seconds, X the refusals in a row before it, and its burst allowance is spent.
Refused as
    131056, with the instant at which the next message fits.
"""

from datetime import datetime

from gateway.policy.facts import Facts
from gateway.policy.gcra import Gcra
from gateway.policy.knobs import Knobs
from gateway.policy.verdict import Objection, hour
from gateway.whatsapp.message import Message


def schedule(knobs: Knobs) -> Gcra:
    """Return the pair rate as a schedule."""
    return Gcra(knobs.pair_interval, knobs.pair_capacity)


def rule(_message: Message, facts: Facts, knobs: Knobs, now: datetime) -> Objection | None:
    """Object while the burst allowance of this number and user is spent."""
    tat = facts.user.pair_tat
    if tat is None:
        return None
    fits_at = schedule(knobs).fits_at(tat, now)
    if fits_at <= now:
        return None
    details = (
        f"Too many messages to this user in a short time "
        f"(1 in {knobs.pair_interval.total_seconds():g} s, {knobs.pair_capacity} at once); "
        f"the next fits at {hour(fits_at)}."
    )
    return Objection("pair_rate", 131056, details, fits_at)
