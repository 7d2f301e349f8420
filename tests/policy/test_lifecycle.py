import itertools
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.lifecycle import HOLD, RANK, Hold, MessageState, moves

S = MessageState
ANSWERED = {S.ACCEPTED, S.REFUSED, S.SENT, S.FAILED, S.DELIVERED, S.READ}
NEVER_LEFT = (S.TURNED_AWAY, S.PARKED, S.EXPIRED, S.CANCELLED, S.RESERVED)
ONWARD = {
    **dict.fromkeys(NEVER_LEFT, {S.IN_DOUBT, S.UNKNOWN} | ANSWERED),
    S.IN_DOUBT: {S.UNKNOWN} | ANSWERED,
    S.UNKNOWN: ANSWERED,
    S.ACCEPTED: {S.SENT, S.FAILED, S.DELIVERED, S.READ},
    S.REFUSED: {S.SENT, S.FAILED, S.DELIVERED, S.READ},
    S.SENT: {S.FAILED, S.DELIVERED, S.READ},
    S.FAILED: {S.DELIVERED, S.READ},
    S.DELIVERED: {S.READ},
    S.READ: set(),
}


@pytest.mark.parametrize(("current", "to"), list(itertools.product(S, S)))
def test_a_state_gives_way_only_to_a_later_one(current: S, to: S) -> None:
    assert moves(current, to) is (to in ONWARD[current])


@pytest.mark.parametrize(("one", "other"), list(itertools.product(S, S)))
def test_no_two_states_give_way_to_each_other(one: S, other: S) -> None:
    assert not (moves(one, other) and moves(other, one))


def test_every_state_has_a_rank() -> None:
    assert set(RANK) == set(S)


@pytest.mark.parametrize(
    ("state", "hold"),
    [
        (S.REFUSED, Hold.RELEASED),
        (S.FAILED, Hold.RELEASED),
        (S.DELIVERED, Hold.SETTLED),
        (S.READ, Hold.SETTLED),
        *((state, None) for state in (S.RESERVED, S.IN_DOUBT, S.UNKNOWN, S.ACCEPTED, S.SENT)),
    ],
)
def test_only_proof_moves_a_slot(state: S, hold: Hold | None) -> None:
    assert HOLD.get(state) is hold


# What becomes of a message here, event by event; `properties/test_lifecycle` drives the same
# through PostgreSQL. Statuses are not listed: they move it by rank alone.
LIFE: Final[dict[S, set[S]]] = {
    S.PARKED: {S.RESERVED, S.TURNED_AWAY, S.EXPIRED, S.CANCELLED},
    S.RESERVED: {S.ACCEPTED, S.REFUSED, S.IN_DOUBT},
    S.IN_DOUBT: {S.ACCEPTED, S.REFUSED, S.UNKNOWN},
    S.UNKNOWN: {S.ACCEPTED, S.REFUSED},
    # What Meta refused for now waits for the next attempt, and an operator may send out the dead.
    S.REFUSED: {S.PARKED},
    S.TURNED_AWAY: {S.PARKED},
}
STATUSES: Final = {S.SENT, S.FAILED, S.DELIVERED, S.READ}
ENDS: Final = {S.TURNED_AWAY, S.EXPIRED, S.CANCELLED, S.REFUSED, S.UNKNOWN, S.FAILED, S.READ}
LATE: Final = {S.ACCEPTED, S.REFUSED}
STATES: Final = st.sampled_from(S)


def onward(state: S) -> set[S]:
    return LIFE.get(state, set()) | {to for to in STATUSES if moves(state, to)}


def arrive(state: S, events: list[S]) -> S:
    for to in events:
        state = to if moves(state, to) else state
    return state


@given(STATES, st.lists(STATES))
def test_whatever_is_heard_in_whatever_order_nothing_moves_backwards(
    state: S, events: list[S]
) -> None:
    for to in events:
        after = arrive(state, [to])
        assert RANK[after] >= RANK[state]
        state = after


@given(data=st.data(), state=STATES, events=st.lists(STATES))
def test_where_it_ends_does_not_depend_on_order_or_repetition(
    data: st.DataObject, state: S, events: list[S]
) -> None:
    """But for an answer that contradicts one that was given: then the first counts."""
    again = data.draw(st.permutations(events + data.draw(st.permutations(events))))
    ends = {arrive(state, events), arrive(state, again)}
    assert len(ends) == 1 or ends == {S.ACCEPTED, S.REFUSED}


@given(STATES, st.lists(st.sampled_from(sorted(STATUSES)), min_size=1))
def test_a_delivery_is_believed_whatever_was_said_before(state: S, statuses: list[S]) -> None:
    end = arrive(state, [*statuses, S.DELIVERED])
    assert HOLD[end] is Hold.SETTLED


@pytest.mark.parametrize("state", S)
def test_from_everywhere_an_end_is_reached(state: S) -> None:
    seen, todo = {state}, [state]
    while todo:
        found = onward(todo.pop()) - seen
        seen |= found
        todo += found
    assert seen & ENDS


@pytest.mark.parametrize("end", sorted(ENDS))
def test_nothing_leads_out_of_an_end_but_a_late_word_or_a_new_attempt(end: S) -> None:
    assert onward(end) <= STATUSES | LATE | {S.PARKED}
    assert all(moves(end, to) for to in onward(end) - {S.PARKED})


@pytest.mark.parametrize("state", sorted(set(LIFE) - {S.PARKED}))
def test_only_a_new_attempt_leads_back(state: S) -> None:
    back = {to for to in LIFE[state] if RANK[to] < RANK[state]}
    assert back <= {S.PARKED}
    assert not back or HOLD.get(state) is Hold.RELEASED
