from gateway.emulator.life.lived import DAY_S, Lived, Reach


def test_a_user_is_reached_once_and_for_as_long_as_the_horizon() -> None:
    reach = Reach(7 * DAY_S)
    reach.note("ana", 0.0)
    reach.note("ben", 1.0)
    reach.note("ana", DAY_S)
    assert reach.count(DAY_S) == 2
    assert reach.count(7 * DAY_S + 1.0) == 1
    assert reach.count(8 * DAY_S) == 0


def test_each_pool_has_its_own_growth() -> None:
    lived = Lived()
    lived.growth_of("4").week.note("ana", 0.0)
    assert lived.growth_of("4").week.count(1.0) == 1
    assert lived.growth_of("5").week.count(1.0) == 0
