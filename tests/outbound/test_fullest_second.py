from gateway.outbound.fullest_second import FullestSecond


def test_nothing_has_arrived() -> None:
    assert FullestSecond().most(1000.0) == 0


def test_the_fullest_second_counts_until_it_is_long_ago() -> None:
    counted = FullestSecond()
    counted.add(3, 100.0)
    counted.add(4, 100.9)
    counted.add(5, 101.0)
    assert [counted.most(now) for now in (101.0, 104.9, 105.0, 105.9, 106.0)] == [7, 7, 5, 5, 0]


def test_what_is_long_ago_takes_no_room() -> None:
    counted = FullestSecond()
    for second in range(1000):
        counted.add(1, float(second))
        assert counted.most(float(second)) == 1
    assert len(counted._counts) <= 5  # noqa: SLF001 - there is no other way to see it
