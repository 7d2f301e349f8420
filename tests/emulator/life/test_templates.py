import pytest

from gateway.emulator.life import templates
from tests.emulator.conftest import Cloud, Receiver, StillClock, flushed, state, template

PROMO = "600000000000001"
ORDER = "600000000000002"
HOUR = 3600


async def events(cloud: Cloud, receiver: Receiver) -> list[tuple[str, str | None]]:
    """List what was told about statuses: event and title."""
    await flushed(cloud)
    values = receiver.values("message_template_status_update")
    return [(each["event"], each.get("other_info", {}).get("title")) for each in values]


@pytest.mark.parametrize("change", [{"quality": "RED"}, {"status": "PAUSED"}])
async def test_the_ladder_is_3_hours_then_6_then_disabled(
    told: tuple[Cloud, Receiver], change: dict[str, str]
) -> None:
    """Source: PAUSE, 22 Oct 2025 (R§6.4)."""
    cloud, receiver = told
    for hours in (3, 6):
        await cloud.steer("/templates/promo", **change)
        cloud.clock.advance(hours * HOUR - 1)
        assert (await cloud.send(template()))["error"]["code"] == 132015
        cloud.clock.advance(1)
        assert (await cloud.send(template()))["http"] == 200
    await cloud.steer("/templates/promo", **change)
    cloud.clock.advance(30 * 24 * HOUR)
    assert (await cloud.send(template()))["error"]["code"] == 132016
    assert await events(cloud, receiver) == [
        ("PAUSED", "FIRST_PAUSE"),
        ("APPROVED", "UNPAUSE"),
        ("PAUSED", "SECOND_PAUSE"),
        ("APPROVED", "UNPAUSE"),
        ("DISABLED", "DISABLED"),
    ]
    last = receiver.values("message_template_status_update")[-1]
    disabled_at = int(cloud.clock.now().timestamp()) - 30 * 24 * HOUR
    assert last["disable_info"] == {"disable_date": disabled_at}


async def test_attempts_on_a_paused_template_use_no_limit(cloud: Cloud) -> None:
    """Source: PAUSE, 22 Oct 2025 (R§2.1)."""
    await cloud.steer("/templates/promo", status="PAUSED")
    await cloud.send(template())
    assert (await cloud.number())["counted_users"] == 0


async def test_a_red_template_that_is_not_approved_is_not_paused(cloud: Cloud) -> None:
    await cloud.steer("/templates/promo", status="REJECTED")
    changed = await cloud.steer("/templates/promo", quality="RED")
    assert changed["templates"][0]["status"] == "REJECTED"


def test_after_a_pause_a_template_is_rated_anew() -> None:
    """Meta is silent about the rating; the next RED must be able to pause once more."""
    clock = StillClock()
    whole = state(clock=clock)
    promo = whole.registry.templates_by_id[PROMO]
    assert promo.unpaused_at == 0.0
    templates.set_quality(whole, promo, "RED", whole.now())
    clock.advance(3 * HOUR)
    assert promo.unpaused_at == 0.0, "nothing happens before somebody looks"
    assert promo.unpaused_at != whole.now() == promo.unpaused_at
    assert (promo.status, promo.quality) == ("APPROVED", "UNKNOWN")


def test_a_pause_ended_by_hand_does_not_end_again() -> None:
    clock = StillClock()
    whole = state(clock=clock)
    promo = whole.registry.templates_by_id[PROMO]
    templates.pause_for_quality(whole, promo, whole.now())
    templates.set_status(whole, promo, "APPROVED", whole.now())
    clock.advance(HOUR)
    templates.pause_for_quality(whole, promo, whole.now())
    clock.advance(2 * HOUR)
    whole.now()
    assert promo.status == "PAUSED", "that was the end of the first pause, not of the second"


def test_the_history_knows_every_change() -> None:
    clock = StillClock()
    whole = state(clock=clock)
    promo = whole.registry.templates_by_id[PROMO]
    templates.set_quality(whole, promo, "RED", whole.now())
    clock.advance(3 * HOUR)
    whole.now()
    statuses = [(each.old, each.new) for each in whole.history.of(PROMO, "template_status")]
    assert statuses == [("APPROVED", "PAUSED"), ("PAUSED", "APPROVED")]
    qualities = [(each.old, each.new) for each in whole.history.of(PROMO, "template_quality")]
    assert qualities == [("UNKNOWN", "RED"), ("RED", "UNKNOWN")]
    assert whole.history.of(ORDER) == []


async def test_category_and_quality_are_told(told: tuple[Cloud, Receiver]) -> None:
    """Source: W-TPC, W-TPQ (R§6.4)."""
    cloud, receiver = told
    await cloud.steer("/templates/order", category="MARKETING", quality="YELLOW")
    await flushed(cloud)
    category = receiver.values("template_category_update")[0]
    assert (category["previous_category"], category["new_category"]) == ("UTILITY", "MARKETING")
    quality = receiver.values("message_template_quality_update")[0]
    assert quality["new_quality_score"] == "YELLOW"
    assert quality["message_template_id"] == int(ORDER)


async def test_a_change_of_category_is_announced_a_day_ahead(
    told: tuple[Cloud, Receiver],
) -> None:
    """Source: W-TPC (R§6.4): in the impending form new_category is the current one."""
    cloud, receiver = told
    due = int(cloud.clock.now().timestamp()) + 24 * HOUR
    await cloud.steer("/templates/order", category="MARKETING", is_announced=True)
    cloud.clock.advance(24 * HOUR - 1)
    assert (await cloud.get(f"/{ORDER}?fields=category"))["category"] == "UTILITY"
    cloud.clock.advance(1)
    assert (await cloud.get(f"/{ORDER}?fields=category"))["category"] == "MARKETING"
    await flushed(cloud)
    impending, changed = receiver.values("template_category_update")
    assert (impending["new_category"], impending["correct_category"]) == ("UTILITY", "MARKETING")
    assert impending["category_update_timestamp"] == due
    assert (changed["previous_category"], changed["new_category"]) == ("UTILITY", "MARKETING")


async def test_what_is_changed_meanwhile_is_not_changed_again(cloud: Cloud) -> None:
    await cloud.steer("/templates/order", category="MARKETING", is_announced=True)
    await cloud.steer("/templates/order", category="AUTHENTICATION")
    cloud.clock.advance(24 * HOUR)
    assert (await cloud.get(f"/{ORDER}?fields=category"))["category"] == "AUTHENTICATION"


async def test_nothing_is_told_when_nothing_changes(told: tuple[Cloud, Receiver]) -> None:
    cloud, receiver = told
    same = {"status": "APPROVED", "quality": "UNKNOWN", "category": "MARKETING"}
    await cloud.steer("/templates/promo", **same)
    await flushed(cloud)
    assert receiver.bodies == []


async def test_steering_an_unknown_template_is_a_404(cloud: Cloud) -> None:
    assert (await cloud.steer("/templates/nobody", status="PAUSED"))["http"] == 404
    assert (await cloud.steer("/templates/promo", language="es", status="PAUSED"))["http"] == 404
