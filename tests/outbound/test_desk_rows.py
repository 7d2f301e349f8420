from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from gateway.outbound.desk_rows import Decided, rows_of
from gateway.outbound.submission import Submission
from gateway.policy.parcel import RANKS, SHARED, Parcel, ParcelState
from gateway.policy.send_class import SendClass
from gateway.policy.verdict import Decision, Objection, Verdict
from gateway.store.outbox import Lease
from gateway.store.quota import BatchRows
from gateway.whatsapp.recipient import RecipientKind
from gateway.whatsapp.template import TemplateKey
from tests.outbound.making import parcel, submission
from tests.policy.making import HOUR, KEY, NOW, NUMBER, POOL, WABA, batch_facts, template, text

LEASE = Lease(UUID(int=1), NOW, NOW + HOUR)
ADMIT = Verdict(Decision.ADMIT, None, (), (), business_initiated=True)
MOMENT = timedelta(minutes=10)


def no(rule: str, until: datetime | None = NOW + MOMENT, **changes: Any) -> Verdict:
    """Make a verdict that defers until an hour, or rejects where there is none."""
    decision = Decision.REJECT if until is None else Decision.DEFER
    objection = Objection(rule, 131048, f"{rule} says no.", until)
    plain = Verdict(decision, objection, (objection,), (), business_initiated=True)
    return plain._replace(**changes)


def rows(asked: Submission, verdict: Verdict) -> BatchRows:
    decided = Decided(asked, asked.candidate, verdict)
    return rows_of([decided], batch_facts([]), NOW)


def direct(packed: Parcel | None = None, **changes: Any) -> Submission:
    return submission(1, **changes)._replace(parcel=packed)


def from_outbox(**changes: Any) -> Submission:
    return direct(parcel(attempts=2), **changes)._replace(lease=LEASE)


@pytest.mark.parametrize("packed", [None, parcel(waits=False, resends=True), parcel()])
@pytest.mark.parametrize(
    ("verdict", "state", "hold"),
    [
        (ADMIT, "reserved", "reserved"),
        (ADMIT._replace(business_initiated=False), "reserved", None),
        (no("template", None), "turned_away", None),
    ],
)
def test_the_journal_has_every_new_message_with_what_was_decided(
    packed: Parcel | None, verdict: Verdict, state: str, hold: str | None
) -> None:
    asked = direct(packed)
    (row,) = rows(asked, verdict).journal
    assert (row.pool_id, row.message_id, row.created_at) == (POOL, asked.message_id, NOW)
    assert (row.app_id, row.phone_number_id, row.user_id) == (
        "shop",
        NUMBER,
        asked.candidate.user_id,
    )
    assert (row.type, row.category, row.correlated) == ("template", "UTILITY", True)
    assert (row.template_name, row.template_language) == KEY
    assert (row.state, row.hold, row.decision) == (state, hold, verdict.decision)
    decisive = verdict.decisive
    assert (row.rule, row.code, row.detail) == (
        (decisive.rule, decisive.code, decisive.details) if decisive else (None, None, None)
    )


def test_what_goes_to_a_group_holds_no_slot() -> None:
    (row,) = rows(direct(message=template(RecipientKind.GROUP)), ADMIT).journal
    assert (row.state, row.hold) == ("reserved", None)


def test_every_objection_is_written_down_those_that_only_count_too() -> None:
    first, second = no("quality").objections[0], no("activity", None).objections[0]
    verdict = no("quality", objections=(first,), shadowed=(second,))
    (row,) = rows(direct(), verdict).journal
    assert row.objections is not None
    assert [(o["rule"], o["shadow"], o["until"]) for o in orjson.loads(row.objections)] == [
        ("quality", False, (NOW + MOMENT).isoformat()),
        ("activity", True, None),
    ]
    assert rows(direct(), ADMIT).journal[0].objections is None


def test_what_is_admitted_is_kept_until_its_outcome_is_known() -> None:
    packed = parcel(send_class=SendClass.AUTHENTICATION, waits=False, resends=True)
    asked = direct(packed)
    (row,) = rows(asked, ADMIT).parcels
    assert (row.state, row.due_at) == (ParcelState.SENDING, NOW)
    assert (row.attempts, row.forgiven) == (1, 0)
    assert (row.rank, row.resends, row.topic) == (RANKS[SendClass.AUTHENTICATION], True, "")
    assert (row.message_id, row.user_id) == (asked.message_id, asked.candidate.user_id)
    assert (row.waba_id, row.path, row.sealed) == (WABA, packed.path, packed.sealed)
    assert (row.expires_at, row.parked_at, row.rule) == (packed.expires_at, NOW, None)


def test_what_may_wait_is_parked_in_journal_and_outbox() -> None:
    known = rows(direct(parcel()), no("pair_rate"))
    (journal,), (row,) = known.journal, known.parcels
    assert (journal.state, journal.hold, journal.retry_at) == ("parked", None, NOW + MOMENT)
    assert (row.state, row.attempts, row.forgiven) == (ParcelState.PARKED, 1, 1)
    assert (row.rule, row.detail) == ("pair_rate", "pair_rate says no.")


@pytest.mark.parametrize("verdict", [no("template", None), no("messaging_limit", NOW + HOUR)])
def test_what_is_turned_away_is_told_and_not_kept(verdict: Verdict) -> None:
    """For good, or until an hour at which it would be of no use any more."""
    known = rows(direct(parcel()), verdict)
    assert known.journal[0].state == "turned_away"
    assert known.parcels == []


@pytest.mark.parametrize("rule", [*sorted(SHARED), "pair_rate", "marketing_preference"])
def test_only_what_a_rule_about_one_user_holds_back_has_an_hour_of_its_own(rule: str) -> None:
    """What waits with others keeps its place, so that the oldest goes first."""
    own = None if rule in SHARED else NOW + MOMENT
    (new,) = rows(direct(parcel()), no(rule)).parcels
    assert new.due_at == (own or NOW)
    (old,) = rows(from_outbox(), no(rule)).released
    assert old.due_at == own


@pytest.mark.parametrize(
    ("verdict", "topic"),
    [
        (no("template"), "order_update/en_US"),
        (no("messaging_limit"), ""),
        (ADMIT, ""),
    ],
)
def test_only_who_waits_for_a_template_waits_apart(verdict: Verdict, topic: str) -> None:
    (new,) = rows(direct(parcel()), verdict).parcels
    (old,) = rows(from_outbox(), verdict).released
    assert new.topic == old.topic == topic


@pytest.mark.parametrize(
    ("verdict", "state", "parcel_state", "hold"),
    [
        (ADMIT, "reserved", ParcelState.SENDING, "reserved"),
        (no("messaging_limit"), "parked", ParcelState.PARKED, None),
        # It is the sweep that ends what has expired, and tells.
        (no("messaging_limit", NOW + 2 * HOUR), "parked", ParcelState.PARKED, None),
        (no("template", None), "turned_away", ParcelState.DEAD, None),
    ],
)
def test_what_comes_out_of_the_outbox_is_in_the_journal_already(
    verdict: Verdict, state: str, parcel_state: ParcelState, hold: str | None
) -> None:
    asked = from_outbox()
    known = rows(asked, verdict)
    (row,) = known.released
    assert (known.journal, known.parcels) == ([], [])
    assert (row.lease, row.parcel_state) == (LEASE, parcel_state)
    assert (row.journal.message_id, row.journal.created_at) == (asked.message_id, NOW)
    assert (row.journal.state, row.journal.hold) == (state, hold)


def test_a_batch_is_written_down_message_by_message() -> None:
    batch = [
        Decided(each, each.candidate, verdict)
        for each, verdict in [
            (direct(), ADMIT),
            (direct(parcel()), no("pair_rate")),
            (from_outbox(), ADMIT),
            (direct(parcel(), message=text()), ADMIT),
        ]
    ]
    known = rows_of(batch, batch_facts([]), NOW)
    ids = [each.submission.message_id for each in batch]
    assert [row.message_id for row in known.journal] == [ids[0], ids[1], ids[3]]
    assert [row.message_id for row in known.parcels] == [ids[1], ids[3]]
    assert [row.journal.message_id for row in known.released] == [ids[2]]
    assert known.journal[2].template_name is None


def test_what_is_written_is_of_the_user_it_was_decided_for() -> None:
    """A business-scoped id may have led to somebody by then."""
    asked = direct(parcel())
    somebody = asked.candidate._replace(user_id=submission(2).candidate.user_id)
    known = rows_of([Decided(asked, somebody, ADMIT)], batch_facts([]), NOW)
    assert known.journal[0].user_id == known.parcels[0].user_id == somebody.user_id


def test_the_category_is_that_of_the_template_if_it_is_known() -> None:
    unknown = template()._replace(template=TemplateKey("nobody_knows", "en_US"))
    assert rows(direct(message=unknown), ADMIT).journal[0].category is None
