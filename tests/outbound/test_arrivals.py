import pytest

from gateway.outbound.arrivals import Arrivals
from gateway.policy.send_class import SendClass

MEMORY_S = 2.0


def steady(
    per_second: int, seconds: float, send_class: SendClass = SendClass.MARKETING
) -> Arrivals:
    arrivals = Arrivals(MEMORY_S)
    for index in range(int(per_second * seconds)):
        arrivals.note(send_class, 100.0 + index / per_second)
    return arrivals


@pytest.mark.parametrize("per_second", [1, 20, 80, 1000])
def test_a_steady_stream_is_measured(per_second: int) -> None:
    arrivals = steady(per_second, 20.0)
    assert arrivals.total(120.0) == pytest.approx(per_second, rel=0.3)


def test_what_has_ended_is_soon_forgotten() -> None:
    arrivals = steady(80, 10.0)
    assert arrivals.total(110.0 + MEMORY_S) == pytest.approx(arrivals.total(110.0), rel=1)
    assert arrivals.total(110.0 + 10 * MEMORY_S) < 0.01


def test_only_the_classes_before_are_asked_about() -> None:
    arrivals = steady(50, 10.0, SendClass.REPLY)
    assert arrivals.before(SendClass.MARKETING, 110.0) == pytest.approx(50, rel=0.1)
    assert arrivals.before(SendClass.REPLY, 110.0) == 0
    assert arrivals.before(SendClass.AUTHENTICATION, 110.0) == 0


def test_nothing_came_to_a_new_line() -> None:
    assert Arrivals(MEMORY_S).total(5.0) == 0
