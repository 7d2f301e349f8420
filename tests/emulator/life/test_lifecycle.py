"""The life of a number in both regimes."""

import pytest

from gateway.emulator.life import lifecycle
from tests.emulator.conftest import (
    FIRST,
    LONE,
    PORTFOLIO,
    WABA,
    Cloud,
    Receiver,
    Start,
    flushed,
    template,
    text,
)

DAY = 86_400


def quality_events(receiver: Receiver) -> list[tuple[str, str]]:
    values = receiver.values("phone_number_quality_update")
    return [(each["event"], each["current_limit"]) for each in values]


@pytest.mark.parametrize(
    ("limit", "lower"),
    [(None, 100_000), (100_000, 10_000), (10_000, 1000), (1000, 250), (250, 50), (50, 50), (2, 50)],
)
def test_the_ladder_down(limit: int | None, lower: int) -> None:
    """Source: LIM-UP, 26 Oct 2025 (R§2.1)."""
    assert lifecycle.lower_limit(limit) == lower


async def test_a_used_up_limit_restricts_the_number_for_24_hours(cloud: Cloud) -> None:
    """Source: R§4.3, regime per_number."""
    await cloud.steer(f"/numbers/{LONE}", messaging_limit=2)
    await cloud.send(template("+34600000001"), LONE)
    assert (await cloud.number(LONE))["status"] == "CONNECTED"
    await cloud.send(template("+34600000002"), LONE)
    assert (await cloud.number(LONE))["status"] == "RESTRICTED"
    assert (await cloud.send(template("+34600000001"), LONE))["error"]["code"] == 368
    cloud.clock.advance(DAY - 1)
    assert (await cloud.number(LONE))["status"] == "RESTRICTED"
    cloud.clock.advance(1)
    number = await cloud.number(LONE)
    assert (number["status"], number["counted_users"]) == ("CONNECTED", 0)
    assert (await cloud.send(template("+34600000003"), LONE))["http"] == 200


async def test_a_limit_lowered_below_the_count_restricts_at_the_next_new_user(
    cloud: Cloud,
) -> None:
    await cloud.send(template("+34600000001"), LONE)
    await cloud.send(template("+34600000002"), LONE)
    await cloud.steer(f"/numbers/{LONE}", messaging_limit=1)
    assert (await cloud.number(LONE))["status"] == "CONNECTED"
    await cloud.send(template("+34600000003"), LONE)
    assert (await cloud.number(LONE))["status"] == "RESTRICTED"
    assert await cloud.rules_broken() == ["messaging_limit"]


async def test_a_banned_number_stays_banned(start: Start) -> None:
    cloud = await start(mode="observe")
    await cloud.steer(f"/numbers/{LONE}", status="BANNED", messaging_limit=1)
    await cloud.send(template(), LONE)
    assert (await cloud.number(LONE))["status"] == "BANNED"


async def test_a_portfolio_that_is_full_restricts_no_number(cloud: Cloud) -> None:
    """Source: LIM-UP, 26 Oct 2025 (R§4.3)."""
    await cloud.send(template("+34600000001"))
    await cloud.send(template("+34600000002"))
    assert (await cloud.number())["status"] == "CONNECTED"


async def test_red_flags_and_green_unflags_at_once(told: tuple[Cloud, Receiver]) -> None:
    """Source: help-centre copies (R§4.3)."""
    cloud, receiver = told
    red = await cloud.steer(f"/numbers/{LONE}", quality_rating="RED")
    assert red["status"] == "FLAGGED"
    assert (await cloud.send(template(), LONE))["http"] == 200
    green = await cloud.steer(f"/numbers/{LONE}", quality_rating="GREEN")
    assert (green["status"], green["flagged_until"]) == ("CONNECTED", None)
    cloud.clock.advance(8 * DAY)
    assert (await cloud.number(LONE))["messaging_limit"] == 1000
    await flushed(cloud)
    assert quality_events(receiver) == [("FLAGGED", "TIER_1K"), ("UNFLAGGED", "TIER_1K")]


async def test_seven_red_days_lower_the_limit(told: tuple[Cloud, Receiver]) -> None:
    """Source: help-centre copies (R§4.3)."""
    cloud, receiver = told
    await cloud.steer(f"/numbers/{LONE}", quality_rating="RED")
    await cloud.steer("/clock", advance_s=7 * DAY - 1)
    assert (await cloud.number(LONE))["status"] == "FLAGGED"
    await cloud.steer("/clock", advance_s=1)
    number = await cloud.number(LONE)
    assert (number["status"], number["messaging_limit"]) == ("CONNECTED", 250)
    await flushed(cloud)
    assert quality_events(receiver) == [("FLAGGED", "TIER_1K"), ("DOWNGRADE", "TIER_250")]
    assert receiver.values("phone_number_quality_update")[1]["old_limit"] == "TIER_1K"


async def test_a_flagged_number_can_be_restricted_and_is_flagged_again_after(cloud: Cloud) -> None:
    await cloud.steer(f"/numbers/{LONE}", quality_rating="RED", messaging_limit=1)
    await cloud.send(template(), LONE)
    assert (await cloud.number(LONE))["status"] == "RESTRICTED"
    cloud.clock.advance(DAY)
    assert (await cloud.number(LONE))["status"] == "FLAGGED"


async def test_in_a_portfolio_red_flags_nothing(told: tuple[Cloud, Receiver]) -> None:
    """Source: LIM-UP, 26 Oct 2025 (R§4.3)."""
    cloud, receiver = told
    red = await cloud.steer(f"/numbers/{FIRST}", quality_rating="RED")
    assert (red["status"], red["quality_rating"]) == ("CONNECTED", "RED")
    await flushed(cloud)
    assert receiver.bodies == []


async def test_a_portfolio_limit_is_told_to_every_waba(
    start: Start, receiver: tuple[Receiver, str]
) -> None:
    """Source: W-CAP, 21 May 2026 (R§6.3)."""
    taking, url = receiver
    cloud = await start(webhook_url=url)
    changed = await cloud.steer(f"/numbers/{FIRST}", messaging_limit=10_000)
    assert changed["pool_id"] == PORTFOLIO
    assert (await cloud.number("200000000000002"))["messaging_limit"] == 10_000
    await flushed(cloud)
    values = taking.values("business_capability_update")
    assert values == [
        {"max_daily_conversations_per_business": "TIER_10K", "max_phone_numbers_per_waba": 25}
    ]
    assert taking.bodies[0]["entry"][0]["id"] == WABA
    assert isinstance(taking.bodies[0]["entry"][0]["time"], int)


async def test_a_portfolio_limit_is_told_in_the_form_of_the_knob(
    told: tuple[Cloud, Receiver],
) -> None:
    """Source: W-CAP, 21 May 2026 (R§12.1 row 4)."""
    cloud, receiver = told
    await cloud.steer("/knobs", capability_format="integer")
    await cloud.steer(f"/numbers/{FIRST}", messaging_limit=10_000)
    await flushed(cloud)
    value = receiver.values("business_capability_update")[0]
    assert value["max_daily_conversations_per_business"] == 10_000


async def test_more_throughput_is_told(told: tuple[Cloud, Receiver]) -> None:
    """Source: THR, 17 Jun 2026 (R§5.1)."""
    cloud, receiver = told
    await cloud.steer(f"/numbers/{FIRST}", throughput=1000)
    await flushed(cloud)
    assert quality_events(receiver) == [("THROUGHPUT_UPGRADE", "TIER_2")]


async def test_a_status_set_by_hand_brings_its_clock(cloud: Cloud) -> None:
    await cloud.steer(f"/numbers/{LONE}", status="RESTRICTED")
    await cloud.write(number=LONE)
    assert (await cloud.send(text(), LONE))["http"] == 200
    connected = await cloud.steer(f"/numbers/{LONE}", status="CONNECTED")
    assert connected["restricted_until"] is None
    cloud.clock.advance(2 * DAY)
    assert (await cloud.number(LONE))["status"] == "CONNECTED"
