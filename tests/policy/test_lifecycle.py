import itertools

import pytest

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
