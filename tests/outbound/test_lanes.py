import asyncio

import pytest

from gateway.outbound.lanes import MOST_S, LaneKey, Lanes, Ticket
from gateway.policy.send_class import SendClass
from gateway.whatsapp.ids import PhoneNumberId, UserId
from tests.outbound.virtual_time import run

ANNA = LaneKey(PhoneNumberId("1"), UserId("34600000001"), "shop", SendClass.UTILITY)
BEN = ANNA._replace(user_id=UserId("34600000002"))


async def pass_through(lanes: Lanes, ticket: Ticket, takes_s: float, log: list[str]) -> None:
    await ticket.turn()
    await asyncio.sleep(takes_s)
    log.append(f"{asyncio.get_running_loop().time():.1f}")
    lanes.done(ticket)


def test_the_next_goes_when_the_one_before_is_through() -> None:
    async def scene() -> list[str]:
        lanes, log = Lanes(), list[str]()
        tickets = [lanes.join(ANNA) for _ in range(3)]
        assert [ticket.is_first for ticket in tickets] == [True, False, False]
        await asyncio.gather(*(pass_through(lanes, ticket, 1.0, log) for ticket in tickets))
        assert len(lanes) == 0
        return log

    assert run(scene()) == ["1.0", "2.0", "3.0"]


@pytest.mark.parametrize(
    "other", [BEN, ANNA._replace(app_id="crm"), ANNA._replace(send_class=SendClass.MARKETING)]
)
def test_others_do_not_wait(other: LaneKey) -> None:
    lanes = Lanes()
    lanes.join(ANNA)
    assert lanes.join(other).is_first


def test_one_that_takes_too_long_holds_nobody_up_for_ever() -> None:
    async def scene() -> float:
        lanes = Lanes()
        lanes.join(ANNA)
        await lanes.join(ANNA).turn()
        return asyncio.get_running_loop().time()

    assert run(scene()) == pytest.approx(MOST_S, abs=0.01)


def test_who_was_done_before_holds_nobody_up() -> None:
    async def scene() -> float:
        lanes = Lanes()
        first, second = lanes.join(ANNA), lanes.join(ANNA)
        lanes.done(first)
        assert second.is_first
        await second.turn()
        lanes.done(second)
        assert (len(lanes), lanes.join(ANNA).is_first) == (0, True)
        return asyncio.get_running_loop().time()

    assert run(scene()) == pytest.approx(0.0, abs=0.01)
