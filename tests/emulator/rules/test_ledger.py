from hypothesis import given
from hypothesis import strategies as st

from gateway.emulator.rules.ledger import DAY, Ledger

SENDS = st.lists(
    st.tuples(st.sampled_from("abcde"), st.floats(0, DAY, allow_nan=False)), max_size=40
)


@given(SENDS)
def test_the_count_is_the_set_of_users_of_the_last_24_hours(sends: list[tuple[str, float]]) -> None:
    """Source: LIM, 8 May 2026 (R§2.1), against the plainest count there is."""
    ledger, history, now = Ledger(), [], 0.0
    for user, pause in sends:
        now += pause / 4
        ledger.reach("pool", user, now)
        history.append((user, now))
        plain = {who for who, at in history if at > now - DAY}
        assert ledger.count("pool", now) == len(plain)
        assert ledger.users("pool", now) == sorted(plain)


def test_a_user_leaves_24_hours_after_the_last_send() -> None:
    ledger = Ledger()
    ledger.reach("pool", "a", 0.0)
    ledger.reach("pool", "a", 10.0)
    assert ledger.counts("pool", "a", DAY + 9.9)
    assert not ledger.counts("pool", "a", DAY + 10.0)


def test_pools_are_apart() -> None:
    ledger = Ledger()
    ledger.reach("one", "a", 0.0)
    assert ledger.count("other", 0.0) == 0


def test_a_doomed_send_counts_until_it_is_released() -> None:
    ledger = Ledger()
    ledger.reach_in_vain("pool", "a", "wamid.1", 0.0)
    assert ledger.count("pool", 0.0) == 1
    ledger.release("pool", "wamid.1")
    assert ledger.count("pool", 0.0) == 0


def test_a_release_leaves_the_user_who_was_reached_otherwise() -> None:
    ledger = Ledger()
    ledger.reach("pool", "a", 0.0)
    ledger.reach_in_vain("pool", "a", "wamid.1", 1.0)
    assert ledger.count("pool", 1.0) == 1
    ledger.release("pool", "wamid.1")
    assert ledger.counts("pool", "a", 1.0)


def test_a_doomed_send_that_is_never_released_leaves_after_24_hours() -> None:
    ledger = Ledger()
    ledger.reach_in_vain("pool", "a", "wamid.1", 0.0)
    assert ledger.count("pool", DAY) == 0


def test_the_first_send_can_be_the_anchor() -> None:
    """Source: R§12.1 row 3: which message of the last 24 hours keeps the slot is open."""
    ledger = Ledger()
    ledger.reach("4", "ana", 0.0, keeps_first=True)
    ledger.reach("4", "ana", 1000.0, keeps_first=True)
    assert ledger.count("4", 86_399.0) == 1
    assert ledger.count("4", 86_400.0) == 0
    ledger.reach("4", "ana", 86_500.0, keeps_first=True)
    assert ledger.count("4", 172_000.0) == 1
