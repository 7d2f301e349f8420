"""Writes down what the desk has decided: rows for journal and outbox."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from gateway.outbound.submission import Submission, parks
from gateway.policy.fold import BatchFacts, Candidate
from gateway.policy.lifecycle import Hold, MessageState
from gateway.policy.parcel import RANKS, SHARED, Parcel, ParcelState, topic_of
from gateway.policy.verdict import Decision, Objection, Verdict
from gateway.store.outbox import Lease, ParcelRow
from gateway.store.quota import BatchRows, JournalRow, ReleasedRow
from gateway.whatsapp.recipient import RecipientKind


class Decided(NamedTuple):
    """A submission with the candidate it was decided as, and the verdict."""

    submission: Submission
    candidate: Candidate
    verdict: Verdict


def rows_of(batch: Sequence[Decided], known: BatchFacts, now: datetime) -> BatchRows:
    """Return everything that is written of the messages of a batch."""
    journal, parcels, released = [], [], []
    for each in batch:
        row = _journal_row(each, known, now)
        parcel, lease = each.submission.parcel, each.submission.lease
        if lease is not None:
            released.append(_released_row(each, row, lease))
            continue
        journal.append(row)
        if parcel is not None:
            state = _parcel_state(each.submission, each.verdict)
            if state is not ParcelState.DEAD:
                parcels.append(_parcel_row(each, parcel, state, now))
    return BatchRows(journal, parcels, released)


def _parcel_state(submission: Submission, verdict: Verdict) -> ParcelState:
    """Return where a parcel goes; a new one that is dead is told to its app and not kept."""
    if verdict.decision is Decision.ADMIT:
        return ParcelState.SENDING
    return ParcelState.PARKED if parks(submission, verdict) else ParcelState.DEAD


def _due_at(verdict: Verdict) -> datetime | None:
    """Return the hour that is a parcel's own, None where it waits with others."""
    decisive = verdict.decisive
    return None if decisive is None or decisive.rule in SHARED else decisive.until


def _parcel_row(each: Decided, parcel: Parcel, state: ParcelState, now: datetime) -> ParcelRow:
    decisive = each.verdict.decisive
    return ParcelRow(
        pool_id=each.candidate.pool_id,
        message_id=each.submission.message_id,
        phone_number_id=each.candidate.phone_number_id,
        waba_id=parcel.waba_id,
        user_id=each.candidate.user_id,
        app_id=each.submission.app_id,
        send_class=parcel.send_class,
        rank=RANKS[parcel.send_class],
        topic=_topic(each),
        path=parcel.path,
        sealed=parcel.sealed,
        resends=parcel.resends,
        state=state,
        due_at=_due_at(each.verdict) or now,
        expires_at=parcel.expires_at,
        rule=decisive.rule if decisive else None,
        detail=decisive.details if decisive else None,
        attempts=parcel.attempts,
        forgiven=int(state is not ParcelState.SENDING),
        parked_at=now,
    )


def _released_row(each: Decided, row: JournalRow, lease: Lease) -> ReleasedRow:
    return ReleasedRow(
        journal=row,
        lease=lease,
        parcel_state=_parcel_state(each.submission, each.verdict),
        due_at=_due_at(each.verdict),
        topic=_topic(each),
    )


def _topic(each: Decided) -> str:
    return topic_of(each.verdict.decisive, each.candidate.message.template)


def _journal_row(each: Decided, known: BatchFacts, now: datetime) -> JournalRow:
    submission, candidate, verdict = each
    message, decisive = candidate.message, verdict.decisive
    admitted = verdict.decision is Decision.ADMIT
    is_group = message.recipient.kind is RecipientKind.GROUP
    key = message.template
    template = known.pools[candidate.pool_id].template(candidate.phone_number_id, key)
    return JournalRow(
        pool_id=candidate.pool_id,
        message_id=submission.message_id,
        created_at=now,
        app_id=submission.app_id,
        phone_number_id=candidate.phone_number_id,
        user_id=candidate.user_id,
        type=message.type,
        template_name=key.name if key else None,
        template_language=key.language if key else None,
        category=template.category if template else None,
        business_initiated=verdict.business_initiated,
        decision=verdict.decision,
        rule=decisive.rule if decisive else None,
        retry_at=verdict.retry_at,
        objections=_objections(verdict),
        state=_message_state(submission, verdict),
        hold=Hold.RESERVED if admitted and verdict.business_initiated and not is_group else None,
        correlated=submission.correlated,
        code=decisive.code if decisive else None,
        detail=decisive.details if decisive else None,
    )


def _message_state(submission: Submission, verdict: Verdict) -> MessageState:
    if verdict.decision is Decision.ADMIT:
        return MessageState.RESERVED
    return MessageState.PARKED if parks(submission, verdict) else MessageState.TURNED_AWAY


def _objections(verdict: Verdict) -> str | None:
    if not verdict.objections and not verdict.shadowed:
        return None
    listed = [
        *(_objection(objection, shadow=False) for objection in verdict.objections),
        *(_objection(objection, shadow=True) for objection in verdict.shadowed),
    ]
    return orjson.dumps(listed).decode()


def _objection(objection: Objection, *, shadow: bool) -> dict[str, Any]:
    return {
        "rule": objection.rule,
        "code": objection.code,
        "details": objection.details,
        "until": objection.until,
        "shadow": shadow,
    }
