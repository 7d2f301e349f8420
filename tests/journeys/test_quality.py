"""A number people complain about sends no marketing until it has recovered; the rest goes on."""

from tests.builders import users
from tests.world import MIDDLE, SHARED, World

ANA, BEN, CAT = (next(users(start)) for start in (1, 2, 3))


async def test_a_flagged_number_sends_no_marketing_and_everything_else(world: World) -> None:
    await world.steer(f"/numbers/{MIDDLE}", {"quality_rating": "RED"})
    await world.flush()
    refused = await world.template(MIDDLE, ANA, "autumn_offer")
    assert (refused.status, refused.code, refused.rule) == (429, 131048, "quality")
    assert int(refused.headers["Retry-After"]) > 6 * 86_400
    assert (await world.template(MIDDLE, ANA, "order_update")).status == 200
    await world.inbound(MIDDLE, BEN)
    assert (await world.text(MIDDLE, BEN)).status == 200
    assert (await world.template(MIDDLE, BEN, "autumn_offer")).status == 200

    await world.steer(f"/numbers/{MIDDLE}", {"quality_rating": "GREEN"})
    await world.flush()
    await world.poll()
    assert (await world.template(MIDDLE, CAT, "autumn_offer")).status == 200
    assert await world.violations() == []


async def test_a_rating_that_no_webhook_tells_is_found_by_the_poll(world: World) -> None:
    """Since October 2025 Meta tells no rating by webhook (R§4.1)."""
    number = SHARED[0]
    await world.steer(f"/numbers/{number}", {"quality_rating": "RED"})
    await world.poll()
    refused = await world.template(number, ANA, "autumn_offer")
    assert (refused.status, refused.rule) == (429, "quality")
    assert (await world.template(SHARED[1], ANA, "autumn_offer")).status == 200
