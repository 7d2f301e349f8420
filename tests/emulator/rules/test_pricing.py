from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.emulator import Knobs
from gateway.emulator.rules.free_messages import FREE_A_MONTH
from tests.emulator.conftest import (
    ANA,
    BEN,
    FIRST,
    WABA,
    Cloud,
    Receiver,
    Start,
    flushed,
    template,
    text,
)

SUMMER = datetime(2026, 9, 30, 12, tzinfo=UTC)


def use_up_the_free_tier(cloud: Cloud) -> None:
    tier, now = cloud.emulator.state.memory.free_tier, cloud.clock.now().timestamp()
    while tier.has_room(FIRST, now):
        tier.take(FIRST, now)


async def price_of(cloud: Cloud, receiver: Receiver, message: dict[str, Any]) -> tuple[str, str]:
    """Send a message; returns type and category of its price."""
    answer = await cloud.send(message)
    await flushed(cloud)
    wamid = answer["messages"][0]["id"]
    first = next(each for each in receiver.statuses() if each["id"] == wamid)
    price = first["pricing"]
    assert price["billable"] is (price["type"] == "regular")
    return price["type"], price["category"]


async def test_the_first_thousand_service_messages_of_a_month_are_free(
    told: tuple[Cloud, Receiver],
) -> None:
    """Source: PRICE-NT, 1 Jul 2026 (R§10)."""
    cloud, receiver = told
    await cloud.write()
    assert await price_of(cloud, receiver, text()) == ("free_customer_service", "service")
    assert cloud.emulator.state.memory.free_tier.has_room(FIRST, cloud.clock.now().timestamp())
    use_up_the_free_tier(cloud)
    assert await price_of(cloud, receiver, text()) == ("regular", "service")


async def test_a_message_takes_one_place_and_a_reaction_none(told: tuple[Cloud, Receiver]) -> None:
    """Source: CHLOG #462 (R§10): reactions are never charged and not counted."""
    cloud, receiver = told
    wamid = await cloud.write()
    tier, now = cloud.emulator.state.memory.free_tier, cloud.clock.now().timestamp()
    for _ in range(FREE_A_MONTH - 1):
        tier.take(FIRST, now)
    reaction = {"message_id": wamid, "emoji": "👍"}
    body = {"messaging_product": "whatsapp", "to": ANA, "type": "reaction", "reaction": reaction}
    assert (await price_of(cloud, receiver, body))[0] == "free_customer_service"
    assert tier.has_room(FIRST, now)
    await cloud.send(text())
    assert not tier.has_room(FIRST, now)
    assert (await price_of(cloud, receiver, body))[0] == "free_customer_service"


@pytest.mark.parametrize(
    ("name", "is_reply", "before", "after"),
    [
        ("promo", True, "regular", "regular"),
        ("order", True, "free_customer_service", "regular"),
        ("order", False, "regular", "regular"),
    ],
)
async def test_utility_in_a_window_is_charged_since_october_2026(
    told: tuple[Cloud, Receiver], name: str, before: str, after: str, *, is_reply: bool
) -> None:
    """Source: W-STAT, 14 Sep 2026 (R§10, R§12.1 row 20)."""
    cloud, receiver = told
    autumn, cloud.clock.at = cloud.clock.at, SUMMER
    for day, expected in ((SUMMER, before), (autumn, after)):
        cloud.clock.at = day
        if is_reply:
            await cloud.write()
        assert (await price_of(cloud, receiver, template(ANA, name)))[0] == expected


async def test_service_was_free_before_october_2026(told: tuple[Cloud, Receiver]) -> None:
    """Source: PRICE (R§10)."""
    cloud, receiver = told
    cloud.clock.at = SUMMER
    use_up_the_free_tier(cloud)
    await cloud.write()
    assert (await price_of(cloud, receiver, text()))[0] == "free_customer_service"


async def test_everything_is_free_after_the_answer_to_an_ad(told: tuple[Cloud, Receiver]) -> None:
    """Source: PRICE, 11 Sep 2026 (R§3)."""
    cloud, receiver = told
    await cloud.steer("/inbound", **{"phone_number_id": FIRST, "from": ANA, "referral": {}})
    free = ("free_entry_point", "referral_conversion")
    assert await price_of(cloud, receiver, text()) == free
    cloud.clock.advance(71 * 3600)
    assert await price_of(cloud, receiver, template(ANA, "promo")) == free
    assert await price_of(cloud, receiver, template(BEN, "promo")) == ("regular", "marketing")
    cloud.clock.advance(3600)
    assert await price_of(cloud, receiver, template(ANA, "promo")) == ("regular", "marketing")


async def test_without_a_payment_method_what_costs_something_fails(
    start: Start, receiver: tuple[Receiver, str]
) -> None:
    """Source: R§7.2, R§10, R§12.1 row 21: accepted, then 131042."""
    taking, url = receiver
    wabas = [{"id": WABA, "has_payment_method": False}]
    cloud = await start(webhook_url=url, wabas=wabas, knobs=Knobs(delivered=False))
    await cloud.write()
    assert (await cloud.send(text()))["http"] == 200
    use_up_the_free_tier(cloud)
    assert (await cloud.send(text()))["http"] == 200
    assert (await cloud.send(template(BEN)))["http"] == 200
    await flushed(cloud)
    ends = [(each["status"], each.get("errors", [{}])[0].get("code")) for each in taking.statuses()]
    assert ends == [("sent", None), ("failed", 131042), ("failed", 131042)]
    assert (await cloud.number())["counted_users"] == 0


async def test_a_test_number_needs_no_payment_method(
    start: Start, receiver: tuple[Receiver, str]
) -> None:
    """Source: ABOUT (R§2.1)."""
    taking, url = receiver
    cloud = await start(webhook_url=url, wabas=[{"id": WABA, "has_payment_method": False}])
    cloud.emulator.state.registry.numbers[FIRST].is_test_number = True
    await cloud.send(template(ANA))
    await flushed(cloud)
    assert [each["status"] for each in taking.statuses()] == ["sent", "delivered"]


async def test_what_cannot_arrive_takes_no_place(start: Start) -> None:
    """Source: PRICE-NT, 1 Jul 2026 (R§10): a thousand delivered ones."""
    users = [{"phone": ANA.removeprefix("+"), "blocked_business": True}]
    cloud = await start(users=users)
    tier, now = cloud.emulator.state.memory.free_tier, cloud.clock.now().timestamp()
    for _ in range(FREE_A_MONTH - 1):
        tier.take(FIRST, now)
    for user, has_room in ((ANA, True), (BEN, False)):
        await cloud.write(user)
        await cloud.send(text(user))
        assert tier.has_room(FIRST, now) is has_room
