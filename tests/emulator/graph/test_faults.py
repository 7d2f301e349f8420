import random

from gateway.emulator.graph.faults import Fault, FaultMatch, Faults, Occasion

HERE = Occasion("/v25.0/1/messages", "1", "34600000001", "text")


def faults() -> Faults:
    return Faults(random.Random(7))  # noqa: S311 - repeatable on purpose


def test_a_fault_strikes_as_often_as_it_was_armed() -> None:
    some = faults()
    some.arm(Fault(action="reset", times=2))
    assert [some.strike(HERE) is not None for _ in range(3)] == [True, True, False]
    assert some.is_empty


def test_a_fault_strikes_only_what_it_matches() -> None:
    for match, is_hit in (
        (FaultMatch(), True),
        (FaultMatch(phone_number_id="1", user="34600000001", type="text"), True),
        (FaultMatch(path="/messages"), True),
        (FaultMatch(phone_number_id="2"), False),
        (FaultMatch(user="34600000002"), False),
        (FaultMatch(type="template"), False),
        (FaultMatch(path="/media"), False),
    ):
        some = faults()
        some.arm(Fault(match=match, action="error"))
        assert (some.strike(HERE) is not None) == is_hit, match


def test_probability_is_seeded() -> None:
    def hits() -> list[bool]:
        some = faults()
        some.arm(Fault(action="error", probability=0.5))
        return [some.strike(HERE) is not None for _ in range(50)]

    assert hits() == hits()
    assert 10 < sum(hits()) < 40


def test_armed_faults_are_listed_and_cleared() -> None:
    some = faults()
    fault_id = some.arm(Fault(action="delay", times=3))
    assert [(each[0], each[2]) for each in some.armed()] == [(fault_id, 3)]
    some.disarm_all()
    assert some.strike(HERE) is None
