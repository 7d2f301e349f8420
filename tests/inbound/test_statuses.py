from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.inbound.statuses import Moved, correlation, work_out
from gateway.policy.lifecycle import Hold, MessageState
from gateway.store.messages import Known
from gateway.whatsapp.events import DeliveryStatus, StatusError, StatusUpdate
from tests.inbound.making import status
from tests.policy.making import HOUR, NOW, NUMBER, POOL
from tests.store.stocked import ANNA

D = DeliveryStatus
S = MessageState
ONE, TWO = UUID(int=1), UUID(int=2)


def known(
    message_id: UUID = ONE, state: S = S.ACCEPTED, hold: Hold | None = Hold.RESERVED
) -> Known:
    return Known(POOL, message_id, ANNA, NUMBER, state, hold)


def outcome(moved: Moved) -> tuple[list[object], set[UUID], set[UUID]]:
    progress = sorted(moved.progress, key=lambda move: move.message_id)
    released = {message.message_id for message in moved.released}
    return list(progress), released, {message.message_id for message in moved.restored}


@pytest.mark.parametrize(
    ("current", "kind", "state"),
    [
        (S.ACCEPTED, D.SENT, S.SENT),
        (S.RESERVED, D.DELIVERED, S.DELIVERED),
        (S.IN_DOUBT, D.SENT, S.SENT),
        (S.SENT, D.DELIVERED, S.DELIVERED),
        (S.DELIVERED, D.READ, S.READ),
        (S.DELIVERED, D.PLAYED, S.READ),
        (S.DELIVERED, D.SENT, S.DELIVERED),
        (S.READ, D.DELIVERED, S.READ),
        (S.DELIVERED, D.FAILED, S.DELIVERED),
        (S.SENT, D.FAILED, S.FAILED),
        (S.FAILED, D.SENT, S.FAILED),
        (S.FAILED, D.DELIVERED, S.DELIVERED),
        (S.SENT, D.UNKNOWN, S.SENT),
    ],
)
def test_a_status_moves_a_message_forward_and_never_back(current: S, kind: D, state: S) -> None:
    (move,) = work_out([(status(ONE, kind), known(state=current))]).progress
    assert move.state is state
    assert move.settles is (state in (S.DELIVERED, S.READ))


@pytest.mark.parametrize(
    ("state", "hold", "kind", "released", "restored"),
    [
        (S.ACCEPTED, Hold.RESERVED, D.FAILED, True, False),
        (S.FAILED, Hold.RESERVED, D.FAILED, True, False),
        (S.FAILED, Hold.RELEASED, D.FAILED, False, False),
        (S.SENT, None, D.FAILED, False, False),
        (S.DELIVERED, Hold.SETTLED, D.FAILED, False, False),
        (S.FAILED, Hold.RELEASED, D.DELIVERED, False, True),
        (S.REFUSED, Hold.RELEASED, D.READ, False, True),
        (S.DELIVERED, Hold.RELEASED, D.DELIVERED, False, True),
        (S.DELIVERED, Hold.SETTLED, D.DELIVERED, False, False),
        (S.FAILED, Hold.RELEASED, D.SENT, False, False),
        (S.SENT, Hold.RESERVED, D.DELIVERED, False, False),
    ],
)
def test_slots_are_released_by_proof_and_counted_again_by_arrival(
    state: S,
    hold: Hold | None,
    kind: D,
    released: bool,  # noqa: FBT001 - a table
    restored: bool,  # noqa: FBT001 - a table
) -> None:
    moved = work_out([(status(ONE, kind, code=131026), known(state=state, hold=hold))])
    assert bool(moved.released) is released
    assert bool(moved.restored) is restored


def test_each_step_has_its_hour_and_a_failure_its_reason() -> None:
    updates = [
        status(ONE, D.SENT, NOW),
        status(ONE, D.FAILED, NOW + HOUR, errors=(StatusError(131026, "Title", "Details"),)),
    ]
    (move,) = work_out([(update, known()) for update in updates]).progress
    assert (move.sent_at, move.failed_at, move.delivered_at) == (NOW, NOW + HOUR, None)
    assert (move.code, move.detail, move.wamid) == (131026, "Details", updates[0].wamid)


def test_an_unknown_status_teaches_nothing() -> None:
    (move,) = work_out([(status(ONE, D.UNKNOWN), known())]).progress
    assert (move.state, move.wamid) == (S.ACCEPTED, None)


kinds = st.sampled_from([D.SENT, D.DELIVERED, D.READ, D.PLAYED, D.UNKNOWN])


@st.composite
def histories(draw: st.DrawFn) -> list[StatusUpdate]:
    """Draw what Meta may tell of two messages; it gives one reason for a failure."""
    told = []
    for message_id in (ONE, TWO):
        for kind in draw(st.lists(kinds, max_size=4)):
            at = NOW + timedelta(minutes=draw(st.integers(0, 9)))
            told.append(status(message_id, kind, at))
        if draw(st.booleans()):
            at = NOW + timedelta(minutes=draw(st.integers(0, 9)))
            told.append(status(message_id, D.FAILED, at, code=131026))
    return told


states = st.sampled_from([(S.ACCEPTED, Hold.RESERVED), (S.FAILED, Hold.RELEASED), (S.SENT, None)])


@given(histories(), states, st.data())
def test_order_and_duplicates_change_nothing(
    told: list[StatusUpdate], start: tuple[S, Hold | None], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(told), max_size=5)) if told else []
    shuffled = data.draw(st.permutations([*told, *again]))

    def end(updates: list[StatusUpdate]) -> object:
        found = [(update, known(correlation(update) or ONE, *start)) for update in updates]
        return outcome(work_out(found))

    assert end(shuffled) == end(told)


@pytest.mark.parametrize(
    ("callback_data", "message_id"),
    [
        (f"gw1.{ONE.hex}.", ONE),
        (f"gw1.{ONE.hex}.order 7", ONE),
        ("gw1.not-an-id.", None),
        ("gw1", None),
        ("order 7", None),
        ("", None),
        (None, None),
    ],
)
def test_our_mark_is_told_from_everybody_elses(
    callback_data: str | None, message_id: UUID | None
) -> None:
    assert correlation(status(None, callback_data=callback_data)) == message_id
