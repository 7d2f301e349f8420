from collections.abc import Callable

import pytest

from gateway.outbound.audience import Audience


@pytest.fixture
def calls() -> list[str]:
    return []


@pytest.fixture
def audience() -> Audience:
    return Audience()


def noting(calls: list[str], name: str) -> Callable[[], None]:
    return lambda: calls.append(name)


def test_nobody_is_gone_before_somebody_came(audience: Audience, calls: list[str]) -> None:
    audience.when_gone(noting(calls, "gone"))
    assert (audience.is_gone, calls) == (False, [])


def test_it_is_gone_when_the_last_has_left(audience: Audience, calls: list[str]) -> None:
    audience.when_gone(noting(calls, "gone"))
    audience.join()
    audience.join()
    audience.leave()
    assert (audience.is_gone, calls) == (False, [])
    audience.leave()
    assert (audience.is_gone, calls) == (True, ["gone"])


def test_who_asks_afterwards_is_told_at_once(audience: Audience, calls: list[str]) -> None:
    audience.join()
    audience.leave()
    take_back = audience.when_gone(noting(calls, "gone"))
    take_back()
    assert calls == ["gone"]


def test_everybody_is_told_once_in_the_order_of_asking(
    audience: Audience, calls: list[str]
) -> None:
    for name in ("first", "second"):
        audience.when_gone(noting(calls, name))
    for _ in range(2):
        audience.join()
        audience.leave()
    assert calls == ["first", "second"]


def test_who_comes_after_all_have_left_makes_it_whole(audience: Audience, calls: list[str]) -> None:
    audience.join()
    audience.leave()
    audience.join()
    audience.when_gone(noting(calls, "gone"))
    assert (audience.is_gone, calls) == (False, [])
    audience.leave()
    assert calls == ["gone"]


def test_a_callback_that_was_taken_back_is_not_called(audience: Audience, calls: list[str]) -> None:
    same = noting(calls, "gone")
    take_back = audience.when_gone(same)
    audience.when_gone(same)
    for _ in range(2):
        take_back()
    audience.join()
    audience.leave()
    assert calls == ["gone"]
    take_back()
