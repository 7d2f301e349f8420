from datetime import timedelta

import pytest

from gateway.policy.throttling import (
    Hold,
    Refusal,
    Speed,
    later,
    number_scope,
    scope_of,
    scopes,
    slowed,
    slower,
    speed_now,
    struck,
)
from tests.policy.making import HOUR, INSTANT, NOW, NUMBER, WABA, changed

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def refusal(code: int, *, own_token: bool = False, minutes: int = 0) -> Refusal:
    usage = f'{{"{WABA}":[{{"estimated_time_to_regain_access":{minutes}}}]}}'
    headers = {"X-Business-Use-Case-Usage": usage}
    return Refusal(NUMBER, WABA, "shop", own_token, code, headers)


# --- throughput


def test_a_refusal_for_throughput_halves_and_a_second_gives_one_back() -> None:
    speed = slowed(80, None, NOW)
    assert speed == Speed(40, NOW)
    assert speed_now(80, speed, NOW) == 40
    assert speed_now(80, speed, NOW + SECOND / 2) == 40.5
    assert speed_now(80, speed, NOW + 39 * SECOND) == 79
    assert speed_now(80, speed, NOW + HOUR) == 80
    assert speed_now(80, None, NOW) == 80


def test_an_hour_that_goes_back_gives_nothing() -> None:
    assert speed_now(80, Speed(40, NOW), NOW - MINUTE) == 40


def test_one_burst_draws_one_halving() -> None:
    speed = slowed(80, None, NOW)
    for step in (0, 1, 999):
        assert slowed(80, speed, NOW + step * SECOND / 1000) is speed
    assert slowed(80, speed, NOW + SECOND) == Speed(20.5, NOW + SECOND)


def test_what_is_slow_is_not_halved_to_nothing() -> None:
    speed = slowed(2, None, NOW)
    for step in range(1, 20):
        speed = slowed(2, speed, NOW + step * SECOND)
    assert speed.slowed_to == 1


def test_of_two_that_have_learnt_the_slower_is_right() -> None:
    early, late = Speed(40, NOW - 20 * SECOND), Speed(50, NOW)
    assert slower(early, late, NOW) is late
    assert slower(late, changed(early, slowed_at=NOW), NOW) == Speed(40, NOW)
    assert slower(None, late, NOW) is late
    assert slower(early, None, NOW) is early
    assert slower(None, None, NOW) is None


# --- who is held


@pytest.mark.parametrize(
    ("code", "own_token", "scope"),
    [
        (131057, False, f"number:{NUMBER}"),
        (131057, True, f"number:{NUMBER}"),
        (80007, False, f"waba:{WABA}"),
        (80008, False, f"waba:{WABA}"),
        (80007, True, f"waba:{WABA}"),
        (4, False, f"waba:{WABA}"),
        (4, True, "app:shop"),
        (130429, False, None),
        (131056, False, None),
        (131048, False, None),
        (131049, False, None),
        (100, False, None),
    ],
)
def test_codes_are_not_confused(
    code: int,
    own_token: bool,  # noqa: FBT001 - a table
    scope: str | None,
) -> None:
    assert scope_of(refusal(code, own_token=own_token)) == scope


def test_number_account_and_app_may_hold_up_a_message() -> None:
    assert scopes("1", "2", "3") == ("number:1", "waba:2", "app:3")
    assert number_scope("1") == "number:1"


# --- for how long


@pytest.mark.parametrize("code", [4, 80007, 80008])
def test_the_headers_say_for_how_long(code: int) -> None:
    hold = struck("x", None, refusal(code, minutes=17), NOW)
    assert hold == Hold("x", NOW + 17 * MINUTE, code, 1, NOW)


def test_without_a_word_it_doubles_from_a_minute_to_an_hour() -> None:
    hold, lengths = None, []
    now = NOW
    for _ in range(9):
        hold = struck("x", hold, refusal(80007), now)
        lengths.append((hold.held_until - now) / MINUTE)
        now = hold.held_until
    assert lengths == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_after_a_quiet_hour_it_begins_again() -> None:
    hold = Hold("x", NOW, 80007, 5, NOW - HOUR)
    soon = struck("x", hold, refusal(80007), NOW + HOUR - INSTANT)
    assert soon.strikes == 6
    late = struck("x", hold, refusal(80007), NOW + HOUR)
    assert (late.strikes, late.held_until) == (1, NOW + HOUR + MINUTE)


def test_what_was_on_its_way_is_no_repetition() -> None:
    first = struck("x", None, refusal(80007), NOW)
    second = struck("x", first, refusal(80007), NOW + SECOND)
    assert (second.strikes, second.held_until) == (1, NOW + SECOND + MINUTE)


def test_a_longer_hold_is_kept() -> None:
    named = struck("x", None, refusal(80007, minutes=30), NOW)
    assert struck("x", named, refusal(80007), NOW + SECOND) is named
    assert later(named, None) is named


def test_maintenance_takes_a_minute_however_often_it_comes() -> None:
    first = struck("x", None, refusal(131057, minutes=17), NOW)
    assert first.held_until == NOW + MINUTE
    again = struck("x", first, refusal(131057), NOW + MINUTE)
    assert again.held_until == NOW + 2 * MINUTE
