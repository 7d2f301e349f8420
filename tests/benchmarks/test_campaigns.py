"""The demo's campaigns do what they say, before anybody judges them."""

from itertools import chain

from benchmarks.campaigns import OPTED_IN, SEED, Careful, Reckless, Reply
from gateway.emulator.life.temper import temper_of


def todays(careful: Careful, day: int) -> list[tuple[str, str]]:
    return list(chain.from_iterable(careful.due(day, hour) for hour in range(24)))


def test_the_reckless_one_writes_to_everybody_twice_a_day() -> None:
    reckless = Reckless(people=30)
    hours = [hour for hour in range(24) if reckless.due(3, hour)]
    assert hours == [10, 18]
    assert len(reckless.due(3, 10)) == 30
    assert reckless.due(3, 10) == reckless.due(4, 10)


def test_the_reckless_one_takes_the_next_template_when_one_is_disabled() -> None:
    reckless = Reckless(people=1)
    reckless.heard("x", Reply(132015))
    assert reckless.due(0, 10)[0][1] == "mega_sale_1"
    for _ in range(9):
        reckless.heard("x", Reply(132016))
    assert reckless.due(0, 10)[0][1] == "mega_sale_4"


def test_the_careful_one_writes_once_a_week_to_who_asked_for_it() -> None:
    careful = Careful(people=70)
    week = list(chain.from_iterable(todays(careful, day) for day in range(7)))
    assert len(week) == 77
    assert len({user for user, _ in week}) == 70
    assert all(temper_of(SEED, user, OPTED_IN).has_opted_in for user, _ in week)
    assert {template for _, template in week} == {"letter_1"}
    assert todays(careful, 7)[0][1] == "letter_2"


def test_the_careful_one_spreads_a_days_letters_over_the_day() -> None:
    careful = Careful(people=7000)
    sizes = [len(careful.due(0, hour)) for hour in range(24)]
    assert [hour for hour, size in enumerate(sizes) if size] == list(range(9, 21))
    assert set(sizes[9:21]) == {10, 11}


def test_the_careful_one_begins_small_and_comes_back_to_who_was_left_out() -> None:
    careful = Careful(people=7000)
    sizes = [len(todays(careful, day)) for day in range(6)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 130
    for user, code in (("later", 131048), ("refused", 132015), ("done", None)):
        careful.heard(user, Reply(code))
    tomorrow = [user for user, _ in todays(careful, 6)]
    assert tomorrow[0] == "later"
    assert not {"refused", "done"} & set(tomorrow)
    careful.heard("soon", Reply(130429))
    careful.due(7, 9)
    careful.heard("sooner", Reply(368))
    assert careful.due(7, 10)[0][0] == "sooner"
