"""Says whether a message that Meta did not take is tried again, and when."""

from datetime import datetime, timedelta
from typing import Final

# Refused before anything was done, so that it can be sent again as it is. Source: R§7.9 rule 1.
REPLAYABLE: Final = frozenset({4, 80007, 80008, 130429, 131056, 131057, 133004})
FIRST: Final = timedelta(seconds=5)
LONGEST: Final = timedelta(minutes=5)
MOST_ATTEMPTS: Final = 10


def again_at(code: int | None, attempts: int, now: datetime) -> datetime | None:
    """Return when to try again after a refusal, None where it is final.

    `code` is Meta's, None where Meta could not be reached at all (nothing was sent). `attempts`
    counts the one refused, and ends what Meta refuses again and again; that Meta is away says
    nothing about the message. Everything that is not surely harmless is final: what may have been
    sent (class X) is in doubt, not refused, and never comes here (R§7.9 rules 1, 2, 4).
    """
    if code is not None and code not in REPLAYABLE:
        return None
    if code is not None and attempts >= MOST_ATTEMPTS:
        return None
    doublings = min(attempts, MOST_ATTEMPTS) - 1
    wait: timedelta = FIRST * 2**doublings
    return now + min(wait, LONGEST)
