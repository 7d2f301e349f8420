"""Measures how far a number has got with what it may start."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from gateway.policy.gcra import Gcra

HOUR: Final = timedelta(hours=1)
TEN_MINUTES: Final = timedelta(minutes=10)
DAY: Final = timedelta(days=1)


class Phase(StrEnum):
    """Which curve holds a number."""

    USUAL = "usual"
    WARM_UP = "warm_up"
    RECOVERY = "recovery"


class Allowance(NamedTuple):
    """New users an hour and a day, and business-initiated sends in 10 minutes.

    `users_day` is None where only the messaging limit bounds the day.
    """

    phase: Phase
    users_hour: int
    sends_10m: int
    users_day: int | None


class Paces(NamedTuple):
    """The state of a number's three schedules (theoretical arrival times)."""

    users_hour_tat: datetime | None = None
    sends_10m_tat: datetime | None = None
    users_day_tat: datetime | None = None


class Activity(NamedTuple):
    """What a number may start, and how far it has got."""

    allowance: Allowance
    paces: Paces


def fits_at(activity: Activity, now: datetime, *, new_user: bool) -> tuple[datetime, str]:
    """Return when one more business-initiated send fits, and which allowance it waits for.

    That is empty where it fits at `now`.
    """
    allowed, paces = activity
    bounds = [(allowed.sends_10m, TEN_MINUTES, paces.sends_10m_tat, "sends in 10 minutes")]
    if new_user:
        bounds.append((allowed.users_hour, HOUR, paces.users_hour_tat, "new users an hour"))
        if allowed.users_day is not None:
            bounds.append((allowed.users_day, DAY, paces.users_day_tat, "new users a day"))
    at, waits_for = now, ""
    for limit, period, tat, what in bounds:
        fits = Gcra.within(limit, period).fits_at(tat, now)
        if fits > at:
            at, waits_for = fits, f"{limit} {what}"
    return at, waits_for


def taken(activity: Activity, at: datetime, *, new_user: bool) -> Paces:
    """Return the schedules after one more business-initiated send at `at`."""
    allowed, paces = activity
    sends = Gcra.within(allowed.sends_10m, TEN_MINUTES).taken(paces.sends_10m_tat, at)
    if not new_user:
        return paces._replace(sends_10m_tat=sends)
    return Paces(
        Gcra.within(allowed.users_hour, HOUR).taken(paces.users_hour_tat, at),
        sends,
        None
        if allowed.users_day is None
        else Gcra.within(allowed.users_day, DAY).taken(paces.users_day_tat, at),
    )
