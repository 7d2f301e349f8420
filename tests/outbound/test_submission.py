from datetime import datetime, timedelta
from uuid import UUID

import pytest

from gateway.outbound.submission import parks
from gateway.policy.verdict import Decision, Objection, Verdict
from gateway.store.outbox import Lease
from tests.outbound.making import parcel, submission
from tests.policy.making import HOUR, INSTANT, NOW

EXPIRES_AT = NOW + HOUR
LEASE = Lease(UUID(int=1), NOW, NOW + HOUR)


def verdict(decision: Decision, until: datetime | None) -> Verdict:
    decisive = None if decision is Decision.ADMIT else Objection("pair_rate", 131056, "no", until)
    objections = () if decisive is None else (decisive,)
    return Verdict(decision, decisive, objections, (), business_initiated=True)


def is_parked(
    until: datetime | None = NOW,
    decision: Decision = Decision.DEFER,
    *,
    waits: bool = True,
    lease: Lease | None = None,
) -> bool:
    packed = parcel(expires_at=EXPIRES_AT, waits=waits)
    return parks(submission(1)._replace(parcel=packed, lease=lease), verdict(decision, until))


def test_what_may_wait_is_parked_until_it_would_be_of_no_use() -> None:
    assert is_parked(EXPIRES_AT - INSTANT)
    assert not is_parked(EXPIRES_AT)
    assert not is_parked(NOW, waits=False)


@pytest.mark.parametrize("decision", [Decision.ADMIT, Decision.REJECT])
@pytest.mark.parametrize("lease", [None, LEASE])
def test_only_what_is_deferred_is_parked(decision: Decision, lease: Lease | None) -> None:
    assert not is_parked(NOW, decision, lease=lease)


def test_what_has_no_hour_at_which_it_may_go_is_not() -> None:
    assert not is_parked(None)
    assert not is_parked(None, lease=LEASE)


@pytest.mark.parametrize("until", [NOW, EXPIRES_AT, EXPIRES_AT + timedelta(days=1)])
def test_what_came_out_of_the_outbox_goes_back_until_it_expires_there(until: datetime) -> None:
    assert is_parked(until, waits=False, lease=LEASE)


def test_what_came_without_a_parcel_is_not() -> None:
    assert not parks(submission(1), verdict(Decision.DEFER, NOW))
