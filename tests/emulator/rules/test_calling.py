"""What is remembered of calls. Source: CALL, 13 Nov 2025 (R§1.9)."""

from gateway.emulator.rules.calling import DAY_S, WEEK_S, Calling

PAIR = ("1", "34600000001")
OTHER = ("1", "34600000002")


def test_one_request_a_day_and_two_a_week() -> None:
    calling = Calling()
    calling.note_request(PAIR, 0.0)
    assert not calling.may_ask(PAIR, DAY_S - 1)
    assert calling.may_ask(OTHER, 0.0)
    assert calling.may_ask(PAIR, DAY_S)
    calling.note_request(PAIR, DAY_S)
    assert not calling.may_ask(PAIR, WEEK_S - 1)
    assert calling.may_ask(PAIR, WEEK_S)


def test_a_connected_call_lets_one_ask_afresh() -> None:
    calling = Calling()
    calling.note_request(PAIR, 0.0)
    calling.note_call(PAIR, 1.0)
    assert calling.may_ask(PAIR, 2.0)
    assert calling.calls(PAIR, 2.0) == 1
    assert calling.calls(PAIR, DAY_S + 1.0) == 0


def test_a_permission_is_for_seven_days() -> None:
    calling = Calling()
    assert calling.permitted_until(PAIR, 0.0) is None
    calling.note_request(PAIR, 0.0)
    assert calling.permitted_until(PAIR, 1.0) == WEEK_S
    assert calling.permitted_until(PAIR, WEEK_S) is None
