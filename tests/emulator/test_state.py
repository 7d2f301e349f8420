import orjson

from gateway.emulator.errors import Refusal
from tests.emulator.conftest import StillClock, state


def test_reading_the_clock_does_what_is_due() -> None:
    clock = StillClock()
    some = state(clock=clock)
    done: list[float] = []
    some.schedule.at(some.now() + 5, done.append)
    clock.advance(5)
    assert some.now() == done[0]


def test_wamids_look_like_metas_and_repeat_never() -> None:
    """Source: R§1.5, R§12.3."""
    some = state()
    made = {some.new_wamid(some.now()) for _ in range(1000)}
    assert len(made) == 1000
    assert all(each.startswith("wamid.HBg") for each in made)


def test_a_restart_with_the_same_seed_repeats_no_wamid() -> None:
    clock = StillClock()
    before = state(clock=clock)
    first = before.new_wamid(before.now())
    clock.advance(1)
    after = state(clock=clock)
    assert after.new_wamid(after.now()) != first


def test_a_refusal_has_a_trace_id() -> None:
    error = orjson.loads(state().refusal_body(Refusal(131000, "why")))["error"]
    assert len(error["fbtrace_id"]) > 10


def test_node_ids_are_digits() -> None:
    assert state().new_numeric_id().isdecimal()
