from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.line_order import LineOrder
from gateway.policy.send_class import SendClass

AUTH, REPLY, UTILITY, OTHER, MARKETING = SendClass
Entry = tuple[SendClass, str, int]
entries = st.tuples(st.sampled_from(list(SendClass)), st.sampled_from("abc"))


def line_of(*joined: tuple[SendClass, str]) -> tuple[LineOrder[Entry], list[Entry]]:
    line: LineOrder[Entry] = LineOrder()
    items = [(send_class, app, number) for number, (send_class, app) in enumerate(joined)]
    for item in items:
        line.push(item, item[0], item[1])
    return line, items


def served(line: LineOrder[Entry]) -> list[Entry]:
    return [line.pop() for _ in range(len(line))]


def test_classes_go_in_their_order_whenever_they_came() -> None:
    line, _ = line_of(*((each, "a") for each in reversed(SendClass)))
    assert [item[0] for item in served(line)] == [AUTH, REPLY, UTILITY, OTHER, MARKETING]


def test_apps_of_a_class_take_turns() -> None:
    line, _ = line_of(*[(MARKETING, "a")] * 4, *[(MARKETING, "b")] * 2, (MARKETING, "c"))
    assert "".join(item[1] for item in served(line)) == "abcabaa"


def test_an_app_that_comes_late_takes_its_turn_after_the_others() -> None:
    line, _ = line_of(*[(UTILITY, "a")] * 3, *[(UTILITY, "b")] * 3)
    assert [line.pop()[1] for _ in range(3)] == ["a", "b", "a"]
    line.push((UTILITY, "c", 9), UTILITY, "c")
    assert "".join(item[1] for item in served(line)) == "bacb"


def test_an_empty_line_has_nobody() -> None:
    line, _ = line_of()
    with pytest.raises(IndexError):
        line.pop()
    assert (len(line), list(line.in_order()), line.ahead_of(AUTH, "a")) == (0, [], 0)


def test_who_leaves_is_not_served_and_may_leave_twice() -> None:
    line, items = line_of((REPLY, "a"), (REPLY, "a"), (REPLY, "b"))
    for _ in range(2):
        line.remove(items[0], REPLY, "a")
        line.remove(items[2], REPLY, "b")
    assert (len(line), line.waiting(REPLY)) == (1, 1)
    assert served(line) == [items[1]]


@given(st.lists(entries, max_size=40))
def test_within_an_app_and_class_first_come_is_first_served(
    joined: list[tuple[SendClass, str]],
) -> None:
    line, items = line_of(*joined)
    order = served(line)
    assert sorted(order, key=lambda item: item[2]) == items
    for key in set(joined):
        mine = [item[2] for item in order if item[:2] == key]
        assert mine == sorted(mine)


@given(st.lists(entries, max_size=40))
def test_the_order_foretold_is_the_order_served(joined: list[tuple[SendClass, str]]) -> None:
    line, _ = line_of(*joined)
    foretold = list(line.in_order())
    assert foretold == served(line)


@given(st.lists(entries, max_size=40), entries)
def test_who_joins_is_told_about_how_many_go_before(
    joined: list[tuple[SendClass, str]], last: tuple[SendClass, str]
) -> None:
    """Exact but for the turn the rotation stands at: at most one item of each other app."""
    line, _ = line_of(*joined)
    told = line.ahead_of(*last)
    item = (*last, 99)
    line.push(item, *last)
    really = list(line.in_order()).index(item)
    assert told - 2 <= really <= told


@given(st.lists(st.sampled_from("abc"), min_size=30, max_size=60))
def test_as_long_as_several_wait_none_gets_more_than_one_ahead(apps: list[str]) -> None:
    line, _ = line_of(*((MARKETING, app) for app in apps))
    waiting, got = Counter(apps), Counter[str]()
    while len([app for app in waiting if waiting[app]]) > 1:
        app = line.pop()[1]
        waiting[app] -= 1
        got[app] += 1
        busy = [got[each] for each in waiting if waiting[each]]
        assert max(busy, default=0) - min(busy, default=0) <= 1
