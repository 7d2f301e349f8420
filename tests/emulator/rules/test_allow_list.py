from gateway.emulator.rules.allow_list import SIZE
from tests.emulator.conftest import FIRST, PORTFOLIO, WABA, Start, template

TEST_NUMBER = {
    "phone_number_id": FIRST,
    "display_phone_number": "+1 555-000-1111",
    "waba_id": WABA,
    "portfolio_id": PORTFOLIO,
    "is_test_number": True,
}
RICH = [{"id": PORTFOLIO, "messaging_limit": None}]
USERS = [f"+3460000010{at}" for at in range(SIZE)]


async def test_a_test_number_writes_to_five_people_and_no_more(start: Start) -> None:
    """Source: ABOUT, 4 Aug 2026 (R§2.1), the size by third parties (R§12.1 row 35)."""
    cloud = await start(numbers=[TEST_NUMBER], portfolios=RICH)
    for user in USERS * 2:
        assert (await cloud.send(template(user)))["http"] == 200
    refused = await cloud.send(template("+34600000200"))
    assert (refused["http"], refused["error"]["code"]) == (400, 131030)
    assert await cloud.rules_broken() == ["allow_list"]


async def test_whom_a_message_did_not_reach_is_not_on_the_list(start: Start) -> None:
    cloud = await start(numbers=[TEST_NUMBER], portfolios=RICH)
    for at in range(10):
        await cloud.send(template(f"+3460000020{at}", name="nobody"))
    for user in USERS:
        assert (await cloud.send(template(user)))["http"] == 200


async def test_other_numbers_write_to_whom_they_like(start: Start) -> None:
    cloud = await start(numbers=[TEST_NUMBER | {"is_test_number": False}], portfolios=RICH)
    for at in range(SIZE + 1):
        assert (await cloud.send(template(f"+3460000020{at}")))["http"] == 200
