import random

from gateway.emulator.graph.faults import Fault, FaultMatch, Faults, Occasion
from tests.emulator.conftest import FIRST, Cloud, template

HERE = Occasion("/v25.0/1/messages", "1", "34600000001", "template", template="promo")


class Hour:
    """What the emulator's clock shows."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def faults(hour: Hour | None = None) -> Faults:
    return Faults(random.Random(7), hour or Hour())  # noqa: S311 - repeatable on purpose


def test_a_fault_strikes_as_often_as_it_was_armed() -> None:
    some = faults()
    some.arm(Fault(action="reset", times=2))
    assert [some.strike(HERE) is not None for _ in range(3)] == [True, True, False]
    assert some.is_empty


def test_a_fault_strikes_only_what_it_matches() -> None:
    for match, is_hit in (
        (FaultMatch(), True),
        (FaultMatch(phone_number_id="1", user="34600000001", type="template"), True),
        (FaultMatch(method="POST", template="promo"), True),
        (FaultMatch(method="GET"), False),
        (FaultMatch(template="order"), False),
        (FaultMatch(path="/messages"), True),
        (FaultMatch(phone_number_id="2"), False),
        (FaultMatch(user="34600000002"), False),
        (FaultMatch(type="text"), False),
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


def test_a_fault_holds_from_one_hour_to_another() -> None:
    """Both are told from when it was armed, in time of the emulator's clock."""
    hour = Hour()
    some = faults(hour)
    some.arm(Fault(action="error", after_s=60, until_s=120))
    struck = []
    for hour.at in (1000.0, 1059.0, 1060.0, 1119.0, 1120.0):
        struck.append(some.strike(HERE) is not None)
    assert struck == [False, False, True, True, False]
    assert some.is_empty


async def test_a_fault_says_whatever_it_was_told_to(cloud: Cloud) -> None:
    """Source: R§1.10; a Retry-After comes only when asked for (R§12.1 row 9)."""
    said = {"subcode": 463, "details": "why", "is_transient": False, "error_user_title": "Oh"}
    fault = said | {"action": "error", "code": 190, "error_user_msg": "No", "retry_after_s": 2.5}
    await cloud.steer("/faults", **fault, times=1)
    answer = await cloud.call("POST", f"/{FIRST}/messages", json=template())
    assert (answer.status, answer.headers["Retry-After"]) == (401, "3")
    error = (await answer.json())["error"]
    assert (error["error_subcode"], error["is_transient"]) == (463, False)
    assert (error["error_user_title"], error["error_user_msg"]) == ("Oh", "No")
    await cloud.steer("/faults", action="error", code=130429, details="slower", times=1)
    answer = await cloud.call("POST", f"/{FIRST}/messages", json=template())
    assert "Retry-After" not in answer.headers
    assert (await answer.json())["error"]["error_data"]["details"] == "slower"


async def test_a_fault_may_be_for_one_method_only(cloud: Cloud) -> None:
    match = {"path": "block_users", "method": "POST"}
    await cloud.steer("/faults", match=match, action="error", code=139102)
    assert (await cloud.get(f"/{FIRST}/block_users"))["http"] == 200
    assert (await cloud.call("POST", f"/{FIRST}/block_users", json={})).status == 400


async def test_a_fault_may_be_for_one_template_only(cloud: Cloud) -> None:
    await cloud.steer("/faults", match={"template": "promo"}, action="error", code=132015)
    assert (await cloud.send(template(name="promo")))["error"]["code"] == 132015
    assert (await cloud.send(template(name="order")))["http"] == 200
