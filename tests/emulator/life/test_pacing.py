"""The first messages of a campaign decide about the others (R§6.4)."""

from typing import Any

import pytest

from gateway.emulator import Knobs
from gateway.emulator.life import pacing
from gateway.emulator.life.pacing import ASSESSMENT_S, FIRST_PORTION, PORTFOLIO_BATCH, WATCHED_S
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
)

HELD = "held_for_quality_assessment"
PROMO = "600000000000001"
Paced = tuple[Cloud, Receiver]


def user(at: int) -> str:
    return f"+3460001{at:04}"


async def send(cloud: Cloud, at: int, name: str = "promo") -> str:
    """Send to one of many users; returns the message status."""
    answer = await cloud.send(template(user(at), name))
    return str(answer["messages"][0]["message_status"])


async def campaign(cloud: Cloud, size: int, name: str = "promo", first: int = 0) -> list[str]:
    return [await send(cloud, at, name) for at in range(first, first + size)]


async def begin(start: Start, receiver: tuple[Receiver, str], **knobs: Any) -> Paced:
    taking, url = receiver
    portfolios = [{"id": PORTFOLIO, "messaging_limit": None}]
    cloud = await start(knobs=Knobs(**knobs), webhook_url=url, portfolios=portfolios)
    await cloud.steer(f"/numbers/{FIRST}", throughput=1000)
    await told_of((cloud, taking), "")
    taking.bodies.clear()
    return cloud, taking


@pytest.fixture
async def paced(start: Start, receiver: tuple[Receiver, str]) -> Paced:
    """Start with template pacing and no messaging limit."""
    return await begin(start, receiver, template_pacing=True)


@pytest.fixture
async def portfolio_paced(start: Start, receiver: tuple[Receiver, str]) -> Paced:
    """Start with portfolio pacing and no messaging limit."""
    return await begin(start, receiver, portfolio_pacing=True)


async def told_of(paced: Paced, status: str) -> list[dict[str, Any]]:
    cloud, receiver = paced
    await flushed(cloud)
    return [each for each in receiver.statuses() if each["status"] == status]


async def test_without_the_knobs_nothing_is_held(cloud: Cloud) -> None:
    await cloud.steer(f"/numbers/{LONE}", messaging_limit=None, throughput=1000)
    for at in range(FIRST_PORTION + 1):
        answer = await cloud.send(template(user(at)), LONE)
        assert answer["messages"][0]["message_status"] == "accepted"


async def test_after_the_first_portion_the_rest_waits_for_the_deadline(paced: Paced) -> None:
    """Source: PACE, 21 May 2026 (R§6.4)."""
    cloud, _ = paced
    statuses = await campaign(cloud, FIRST_PORTION + 2)
    assert statuses == ["accepted"] * FIRST_PORTION + [HELD] * 2
    assert len(await told_of(paced, "sent")) == FIRST_PORTION
    cloud.clock.advance(ASSESSMENT_S - 1)
    assert await send(cloud, 500) == HELD
    cloud.clock.advance(1)
    assert await send(cloud, 501) == "accepted", "an assessment is passed once"
    sent = await told_of(paced, "sent")
    assert len(sent) == FIRST_PORTION + 4
    assert {each["timestamp"] for each in sent[-4:]} == {str(int(cloud.clock.now().timestamp()))}, (
        "statuses tell when a message left, not when it was accepted"
    )


async def test_green_releases_at_once(paced: Paced) -> None:
    """Source: PACE, 21 May 2026 (R§6.4)."""
    cloud, _ = paced
    await campaign(cloud, FIRST_PORTION + 3)
    await cloud.steer("/templates/promo", quality="GREEN")
    assert len(await told_of(paced, "sent")) == FIRST_PORTION + 3
    assert set(await campaign(cloud, 5, first=600)) == {"accepted"}


@pytest.mark.parametrize("change", [{"quality": "RED"}, {"status": "PAUSED"}])
async def test_a_bad_campaign_is_dropped_and_paused_until_a_person_ends_it(
    paced: Paced, change: dict[str, str]
) -> None:
    """Source: PACE, 21 May 2026 (R§6.4)."""
    cloud, receiver = paced
    await campaign(cloud, FIRST_PORTION + 3)
    assert (await cloud.number())["counted_users"] == FIRST_PORTION + 3
    await cloud.steer("/templates/promo", **change)
    failed = await told_of(paced, "failed")
    assert [each["errors"][0]["code"] for each in failed] == [132015] * 3
    assert (await cloud.number())["counted_users"] == FIRST_PORTION
    paused = receiver.values("message_template_status_update")[0]
    assert (paused["event"], paused["other_info"]["title"]) == ("PAUSED", "RATE_LIMITING_PAUSE")
    cloud.clock.advance(7 * 86_400)
    assert (await cloud.send(template()))["error"]["code"] == 132015
    await cloud.call("POST", f"/{PROMO}/unpause")
    assert (await cloud.send(template()))["http"] == 200
    assert len(await told_of(paced, "sent")) == FIRST_PORTION + 1


async def test_an_unpaused_template_is_paced_anew(paced: Paced) -> None:
    """Source: PACE, 21 May 2026 (R§6.4): recently unpaused, even when GREEN."""
    cloud, _ = paced
    await cloud.steer("/templates/promo", quality="GREEN")
    await cloud.steer("/templates/promo", status="PAUSED")
    cloud.clock.advance(3 * 3600)
    assert (await campaign(cloud, FIRST_PORTION + 1))[-1] == HELD


async def test_a_green_template_is_not_paced(paced: Paced) -> None:
    cloud, _ = paced
    await cloud.steer("/templates/promo", quality="GREEN")
    assert set(await campaign(cloud, FIRST_PORTION + 1)) == {"accepted"}
    await cloud.steer("/templates/promo", quality="YELLOW")
    assert (await campaign(cloud, FIRST_PORTION + 1, first=700))[-1] == HELD


async def test_utility_is_paced_for_a_week_after_a_pause(paced: Paced) -> None:
    """Source: PACE, 21 May 2026 (R§6.4)."""
    cloud, _ = paced
    assert set(await campaign(cloud, FIRST_PORTION + 1, "order")) == {"accepted"}
    await cloud.steer("/templates/order", status="PAUSED")
    cloud.clock.advance(3 * 3600)
    whole = cloud.emulator.state
    order = whole.registry.templates_by_id["600000000000002"]
    assert pacing.is_paced(whole, order, whole.now())
    cloud.clock.advance(WATCHED_S)
    assert not pacing.is_paced(whole, order, whole.now())


async def test_held_messages_of_a_deleted_template_fail(paced: Paced) -> None:
    cloud, _ = paced
    await campaign(cloud, FIRST_PORTION + 1)
    await cloud.call("DELETE", f"/{WABA}/message_templates?name=promo")
    failed = await told_of(paced, "failed")
    assert [each["errors"][0]["code"] for each in failed] == [132001]


async def test_what_is_dropped_stops_counting_even_if_nobody_is_told(
    start: Start, receiver: tuple[Receiver, str]
) -> None:
    """Source: R§12.1 row 2."""
    cloud, _ = await begin(start, receiver, template_pacing=True, statuses=False)
    await campaign(cloud, FIRST_PORTION + 3)
    await cloud.steer("/templates/promo", quality="RED")
    assert (await cloud.number())["counted_users"] == FIRST_PORTION


async def test_a_held_message_fails_of_what_would_have_failed_it_anyway(paced: Paced) -> None:
    cloud, _ = paced
    await campaign(cloud, FIRST_PORTION)
    preference = {"phone_number_id": FIRST, "user": user(900), "value": "stop"}
    await cloud.steer("/preferences", **preference)
    assert await send(cloud, 900) == HELD
    assert await told_of(paced, "failed") == []
    await cloud.steer("/templates/promo", quality="GREEN")
    assert [each["errors"][0]["code"] for each in await told_of(paced, "failed")] == [131050]


async def test_a_slot_counts_from_the_acceptance(paced: Paced) -> None:
    """Source: R§12.1 rows 2 and 3."""
    cloud, _ = paced
    await campaign(cloud, FIRST_PORTION + 1)
    cloud.clock.advance(86_400 - 1)
    assert (await cloud.number())["counted_users"] == FIRST_PORTION + 1
    cloud.clock.advance(1)
    assert (await cloud.number())["counted_users"] == 0


async def test_a_portfolio_leaves_in_batches_whatever_the_template(
    portfolio_paced: Paced,
) -> None:
    """Source: PPACE, 8 Dec 2025 (R§6.4): all categories."""
    cloud, _ = portfolio_paced
    half = PORTFOLIO_BATCH // 2
    await campaign(cloud, half, "order")
    rest = await campaign(cloud, 2 * half + half + 1, "promo", first=half)
    assert rest == ["accepted"] * half + [HELD] * (PORTFOLIO_BATCH + 1)
    cloud.clock.advance(ASSESSMENT_S)
    cloud.emulator.on_clock_advanced()
    assert len(await told_of(portfolio_paced, "sent")) == 2 * PORTFOLIO_BATCH
    assert await send(cloud, 999) == HELD, "who waits goes first"
    cloud.clock.advance(ASSESSMENT_S)
    cloud.emulator.on_clock_advanced()
    assert len(await told_of(portfolio_paced, "sent")) == 2 * PORTFOLIO_BATCH + 2
    cloud.clock.advance(ASSESSMENT_S)
    assert set(await campaign(cloud, PORTFOLIO_BATCH, first=2000)) == {"accepted"}


async def test_a_bad_template_drops_the_portfolio_s_campaign_and_blocks_it(
    portfolio_paced: Paced,
) -> None:
    """Source: PPACE, 8 Dec 2025 (R§6.4)."""
    cloud, receiver = portfolio_paced
    await campaign(cloud, PORTFOLIO_BATCH + 2, "order")
    await cloud.steer("/templates/promo", quality="RED")
    failed = await told_of(portfolio_paced, "failed")
    assert [each["errors"][0]["code"] for each in failed] == [132015] * 2
    info = receiver.values("account_update")[0]["restriction_info"][0]
    assert info["restriction_type"] == "RESTRICTED_BIZ_INITIATED_MESSAGING"
    assert (await cloud.send(template(user(1), "order")))["error"]["code"] == 368
    cloud.clock.advance(pacing.BLOCKED_S)
    assert (await cloud.send(template(user(1), "order")))["http"] == 200


async def test_a_portfolio_that_holds_nothing_is_not_blocked(portfolio_paced: Paced) -> None:
    cloud, receiver = portfolio_paced
    await campaign(cloud, 3)
    await cloud.steer("/templates/promo", quality="RED")
    await flushed(cloud)
    assert receiver.values("account_update") == []


async def test_a_portfolio_with_a_record_is_not_paced(
    portfolio_paced: Paced, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Source: PPACE, 8 Dec 2025 (R§6.4)."""
    cloud, _ = portfolio_paced
    monkeypatch.setattr(pacing, "TRUSTED_AFTER", PORTFOLIO_BATCH)
    assert set(await campaign(cloud, PORTFOLIO_BATCH + 5)) == {"accepted"}
