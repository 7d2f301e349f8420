"""Says what is put before the admission desk, and what it answers."""

from typing import NamedTuple
from uuid import UUID

from gateway.policy.fold import Candidate
from gateway.policy.parcel import Parcel
from gateway.policy.verdict import Decision, Verdict
from gateway.store.outbox import Lease


class Submission(NamedTuple):
    """A candidate with what the journal keeps of it."""

    message_id: UUID
    app_id: str
    candidate: Candidate
    correlated: bool
    parcel: Parcel | None = None
    lease: Lease | None = None
    """The lease on which it was claimed, if it comes out of the outbox."""


class Admission(NamedTuple):
    """The desk's answer: the verdict, and what is left of the pool's allowance after it.

    `is_parked`: what is deferred is in the outbox, and will be decided on again.
    """

    verdict: Verdict
    allowance: int
    remaining: int
    is_parked: bool = False


def parks(submission: Submission, verdict: Verdict) -> bool:
    """Tell whether a message that may not go now is parked rather than refused."""
    parcel, until = submission.parcel, verdict.retry_at
    if parcel is None or verdict.decision is not Decision.DEFER or until is None:
        return False
    return submission.lease is not None or (parcel.waits and until < parcel.expires_at)
