from tests.world import SHARED, SMALL, MakeWorld, World

PAUSE_S = 3 * 3600
USER = "+34600000001"


async def test_a_template_paused_before_the_start_never_reaches_the_cloud(world: World) -> None:
    refused = await world.template(SMALL, USER, "winter_offer")
    assert (refused.code, refused.rule) == (132015, "template")
    assert await world.counted(SMALL) == 0
    assert await world.sends() == []
    assert await world.violations() == []


async def test_a_template_paused_by_meta_is_held_until_the_pause_ends(world: World) -> None:
    assert (await world.template(SMALL, USER, "autumn_offer")).status == 200
    await world.steer("/templates/autumn_offer", {"status": "PAUSED"})
    await world.flush()

    for number in (SMALL, SHARED[0]):
        refused = await world.template(number, USER, "autumn_offer")
        assert (refused.status, refused.code, refused.rule) == (429, 132015, "template")
        assert PAUSE_S - 60 < int(refused.headers["Retry-After"]) <= PAUSE_S + 1
    assert (await world.template(SMALL, USER, "order_update")).status == 200, "others go on"
    assert len(await world.sends()) == 2

    await world.advance(PAUSE_S + 1)
    assert (await world.template(SMALL, USER, "autumn_offer")).status == 200
    assert await world.violations() == []


async def test_a_template_disabled_or_deleted_is_refused_for_good(world: World) -> None:
    await world.steer("/templates/autumn_offer", {"status": "DISABLED"})
    await world.flush()
    disabled = await world.template(SMALL, USER, "autumn_offer")
    missing = await world.template(SMALL, USER, "never_made")

    assert (disabled.code, missing.code) == (132016, 132001)
    assert not any("Retry-After" in answer.headers for answer in (disabled, missing))
    assert await world.sends() == []
    assert await world.violations() == []


async def test_a_pause_is_over_here_no_sooner_than_at_meta(make_world: MakeWorld) -> None:
    """Meta's webhook tells the second of the pause, not the part of it that had gone by."""
    world = await make_world(still=True, mode="observe")
    await world.steer("/templates/autumn_offer", {"status": "PAUSED"})
    await world.flush()
    await world.steer("/knobs", {"drop_rate": 1.0})

    await world.advance(PAUSE_S - 0.5)
    await world.template(SMALL, USER, "autumn_offer")
    await world.advance(1.0)
    assert (await world.template(SMALL, USER, "autumn_offer")).status == 200
    assert await world.violations() == []
