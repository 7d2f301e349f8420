from gateway.emulator.rules.rates import PairRate, Throughput


def test_throughput_counts_the_last_second_only() -> None:
    """Source: THR, 17 Jun 2026 (R§5.1), R§12.1 row 18."""
    throughput = Throughput()
    for at in (0.0, 0.4, 0.9):
        throughput.note("1", at)
    assert throughput.is_full("1", 3, 0.99)
    assert not throughput.is_full("1", 3, 1.0)
    assert not throughput.is_full("2", 3, 0.9)


def test_pair_rate_is_45_then_one_per_6_seconds() -> None:
    """Source: ABOUT, 4 Aug 2026 (R§5.2)."""
    pair = PairRate()
    for _ in range(45):
        assert not pair.is_full("1", "a", 0.0)
        pair.note("1", "a", 0.0)
    assert pair.is_full("1", "a", 5.99)
    assert not pair.is_full("1", "a", 6.0)
    assert not pair.is_full("1", "b", 0.0)
    assert not pair.is_full("2", "a", 0.0)


def test_a_burst_of_20_is_paid_back_after_two_minutes() -> None:
    """Source: ABOUT, 4 Aug 2026 (R§5.2): 20 messages, about 2 minutes."""
    pair = PairRate()
    for _ in range(20):
        pair.note("1", "a", 0.0)
    for _ in range(45):
        assert not pair.is_full("1", "a", 120.0)
        pair.note("1", "a", 120.0)
    assert pair.is_full("1", "a", 120.0)
