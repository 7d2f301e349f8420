"""Draws the lessons from Meta's throttling refusals: what is slowed, what is held, for how long."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from gateway.whatsapp.usage import regain_s

THROUGHPUT: Final = 130429
MAINTENANCE: Final = 131057
APP_CALLS: Final = 4
ACCOUNT_CALLS: Final = frozenset({80007, 80008})

ONE_HALVING: Final = timedelta(seconds=1)
"""What one burst draws, however many refusals, is one halving."""
RECOVERY: Final = 1.0
"""Messages a second that a slowed number gets back each second."""
SLOWEST: Final = 1.0
SHORTEST: Final = timedelta(seconds=60)
LONGEST: Final = timedelta(hours=1)
MOST_DOUBLINGS: Final = 6
REPEATS_WITHIN: Final = timedelta(hours=1)
"""Meta counts calls in a rolling hour: a refusal so long after the last hold is a repetition."""


class Refusal(NamedTuple):
    """A refusal of Meta's: whose message it was, with whose token, and the answer's headers.

    `app_id` is our client; `own_token` says that it brought its own token, not one of the vault.
    """

    phone_number_id: str
    waba_id: str
    app_id: str
    own_token: bool
    code: int
    headers: Mapping[str, str]


class Speed(NamedTuple):
    """A number that was slowed to `slowed_to` messages a second, and recovers since."""

    slowed_to: float
    slowed_at: datetime

    def at(self, now: datetime) -> float:
        """Return the messages a second it has got back to."""
        return self.slowed_to + RECOVERY * max((now - self.slowed_at).total_seconds(), 0.0)


class Hold(NamedTuple):
    """What waits until `held_until`, for the `strikes`-th time in a row, because of `code`.

    `scope` is `number:<id>`, `waba:<id>` or `app:<id>`.
    """

    scope: str
    held_until: datetime
    code: int
    strikes: int
    struck_at: datetime


def speed_now(level: float, speed: Speed | None, now: datetime) -> float:
    """Return the level as far as the number has recovered."""
    return level if speed is None else min(level, speed.at(now))


def slowed(level: float, speed: Speed | None, now: datetime) -> Speed:
    """Return the speed after a refusal for throughput: half of what it was.

    Source: R§7.3, 130429.
    """
    if speed is not None and now - speed.slowed_at < ONE_HALVING:
        return speed
    return Speed(max(speed_now(level, speed, now) / 2, SLOWEST), now)


def slower(one: Speed | None, other: Speed | None, now: datetime) -> Speed | None:
    """Return the lower of two speeds, when two processes have learnt of the same number."""
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda speed: speed.at(now))


def number_scope(phone_number_id: str) -> str:
    """Return the scope of a hold on a number."""
    return f"number:{phone_number_id}"


def scopes(phone_number_id: str, waba_id: str, app_id: str) -> tuple[str, str, str]:
    """Return all that may hold up a message: its number, its account, its app."""
    return number_scope(phone_number_id), f"waba:{waba_id}", f"app:{app_id}"


def scope_of(refusal: Refusal) -> str | None:
    """Return what a refusal holds up, None where it holds nothing.

    Source: ERR and G-RATE (R§5.3, R§7.3). Maintenance is the number's. Calls are counted an account
    (80007, 80008) or a Meta app (4); our token stands for one Meta app in each account, so that
    only an app that brings its own is held up alone.
    """
    number, waba, app = scopes(refusal.phone_number_id, refusal.waba_id, refusal.app_id)
    if refusal.code == MAINTENANCE:
        return number
    if refusal.code in ACCOUNT_CALLS:
        return waba
    if refusal.code == APP_CALLS:
        return app if refusal.own_token else waba
    return None


def struck(scope: str, before: Hold | None, refusal: Refusal, now: datetime) -> Hold:
    """Return the hold after one more refusal in a scope.

    As long as the usage headers say; else 60 s, doubled up to an hour while it repeats. What is
    refused while it holds was on its way already, and is no repetition.
    """
    strikes = 1
    if before is not None and now < before.held_until + REPEATS_WITHIN:
        strikes = before.strikes + (now >= before.held_until)
    return later(Hold(scope, now + _length(refusal, strikes), refusal.code, strikes, now), before)


def _length(refusal: Refusal, strikes: int) -> timedelta:
    if refusal.code == MAINTENANCE:
        return SHORTEST
    named_s = regain_s(refusal.headers, refusal.waba_id)
    if named_s is not None:
        return timedelta(seconds=named_s)
    return min(SHORTEST * 2.0 ** min(strikes - 1, MOST_DOUBLINGS), LONGEST)


def later(hold: Hold, other: Hold | None) -> Hold:
    """Return the one that lasts longer."""
    return hold if other is None or hold.held_until >= other.held_until else other
