from datetime import timedelta

import pytest

from gateway.policy.lessons import CAP, LESSONS, PAIR, SPAM, Ladder, Lesson, Rest, Word
from gateway.whatsapp.error_codes import ERROR_CODES
from tests.policy.making import DAY, HOUR, INSTANT, NOW

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def word(decided: timedelta = timedelta(0), **later: timedelta) -> Word:
    """Meta's word on a message decided so long after NOW; said and heard at once if not later."""
    said = decided + later.get("said", timedelta(0))
    return Word(NOW + decided, NOW + said, NOW + later.get("heard", said))


def climbed(ladder: Ladder, steps: int, pause: timedelta = timedelta(0)) -> list[timedelta]:
    """Strike as often, each time so long after the rest has ended; return the rests."""
    rest, at, rests = Rest(), timedelta(0), []
    for _ in range(steps):
        rest = ladder.strike(rest, word(at))
        assert rest.until is not None
        rests.append(rest.until - (NOW + at))
        at = rest.until - NOW + pause
    return rests


# --- which code teaches what


@pytest.mark.parametrize("code", sorted(ERROR_CODES))
def test_exactly_these_codes_teach_and_each_its_own(code: int) -> None:
    assert LESSONS.get(code) == {
        131047: "window_shut",
        131048: "spam",
        131049: "cap",
        131050: "marketing_stopped",
        131056: "pair",
    }.get(code)


def test_no_code_teaches_that_meta_does_not_have() -> None:
    assert LESSONS.keys() <= ERROR_CODES.keys()
    assert sorted(LESSONS.values()) == sorted(Lesson)


# --- how long it holds


@pytest.mark.parametrize(
    ("ladder", "rests"),
    [
        (SPAM, [HOUR, 4 * HOUR, 24 * HOUR, 24 * HOUR, 24 * HOUR]),
        (CAP, [DAY * days for days in (1, 2, 4, 8, 16, 30, 30)]),
        (PAIR, [SECOND * seconds for seconds in (1, 4, 16, 64, 256, 1024, 1024)]),
    ],
    ids=["spam", "cap", "pair"],
)
def test_each_no_in_a_row_takes_longer_up_to_the_longest(
    ladder: Ladder, rests: list[timedelta]
) -> None:
    assert climbed(ladder, len(rests)) == rests


@pytest.mark.parametrize(
    ("ladder", "pause", "second"),
    [
        (SPAM, 1000 * DAY, 4 * HOUR),
        (CAP, 30 * DAY, 2 * DAY),
        (CAP, 30 * DAY + INSTANT, DAY),
        (PAIR, 10 * MINUTE, 4 * SECOND),
        (PAIR, 10 * MINUTE + INSTANT, SECOND),
    ],
)
def test_a_row_is_broken_by_time_where_it_is_forgotten(
    ladder: Ladder, pause: timedelta, second: timedelta
) -> None:
    assert climbed(ladder, 2, pause)[1] == second


def test_a_rest_counts_from_when_meta_spoke_and_not_from_when_we_heard() -> None:
    late = SPAM.strike(Rest(), word(said=SECOND, heard=3 * HOUR))
    assert late == Rest(1, NOW + 3 * HOUR, NOW + 2 * SECOND + HOUR)


def test_the_part_of_the_second_that_meta_leaves_out_is_not_lost() -> None:
    """Decided at 10:00:00.7, failed at 10:00:00 says the webhook, heard at 10:00:00.9."""
    word = Word(NOW + 0.7 * SECOND, NOW, NOW + 0.9 * SECOND)
    assert CAP.strike(Rest(), word).until == NOW + 0.9 * SECOND + DAY


# --- what is nothing new


@pytest.mark.parametrize("ladder", [SPAM, CAP, PAIR], ids=["spam", "cap", "pair"])
@pytest.mark.parametrize(
    "again",
    [
        word(),
        word(-DAY, heard=DAY),
        word(MINUTE, said=SECOND, heard=DAY),
    ],
    ids=["the same", "an old one, late", "one decided before we heard"],
)
def test_what_was_decided_before_we_heard_changes_nothing(ladder: Ladder, again: Word) -> None:
    known = ladder.strike(Rest(), word(heard=MINUTE))
    assert ladder.strike(known, again) is known
    assert ladder.strike(known, word(MINUTE + INSTANT)).strikes == 2


# --- the end of a stop


def test_a_message_that_was_decided_since_and_arrived_ends_the_stop() -> None:
    stopped = SPAM.strike(Rest(), word(heard=MINUTE))
    assert stopped.lifted(word(MINUTE)) is stopped
    assert stopped.lifted(word(HOUR, heard=2 * HOUR)) == Rest(0, NOW + 2 * HOUR, None)


def test_nothing_is_lifted_where_nothing_is_stopped() -> None:
    known = Rest()
    assert known.lifted(word()) is known


def test_after_the_end_only_news_begin_another_stop_and_that_from_the_start() -> None:
    stopped = SPAM.strike(SPAM.strike(Rest(), word()), word(HOUR))
    over = stopped.lifted(word(5 * HOUR, heard=6 * HOUR))
    assert SPAM.strike(over, word(HOUR)) is over
    assert SPAM.strike(over, word(5 * HOUR, heard=7 * HOUR)) is over
    again = SPAM.strike(over, word(8 * HOUR))
    assert again == Rest(1, NOW + 8 * HOUR, NOW + 9 * HOUR)
