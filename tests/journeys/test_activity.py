"""A number that suddenly starts far more than it usually does is slowed, and never its replies."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.store import numbers, quota
from gateway.store.numbers import NumberRow
from gateway.whatsapp.ids import PhoneNumberId, PoolId
from tests.journeys.campaign import audience, sent
from tests.world import DAY_S, MIDDLE, SMALL, Answer, MakeWorld, World

NOW_OR_NEVER: Final = {"Prefer": "wait=0"}
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


async def govern(world: World, number: str, mode: str = "enforce", **knobs: Any) -> None:
    """Turn the knobs of a number; what the sandbox has turned is forgotten."""
    turned = {"rules": {"activity": mode}, "activity_floor": 0.0} | knobs
    await change(world, number, "numbers", "phone_number_id", knobs=json.dumps(turned))


async def change(world: World, number: str, table: str, key: str, **columns: Any) -> None:
    async with world.database.transaction() as connection:
        await quota.touch(connection, [PoolId(number)])
        for column, value in columns.items():
            statement = f"update {table} set {column} = $2 where {key} = $1"  # noqa: S608
            await connection.execute(statement, number, value)


async def number_row(world: World, number: str) -> NumberRow:
    async with world.database.connection() as connection:
        return await numbers.get(connection, PhoneNumberId(number))


async def ask(world: World, number: str, user: str) -> Answer:
    return await world.template(number, user, headers=NOW_OR_NEVER)


async def ask_all(world: World, number: str, people: Iterable[str]) -> dict[str, Answer]:
    return {user: await ask(world, number, user) for user in people}


def taken(answers: Mapping[str, Answer]) -> int:
    return sent(list(answers.values()))


async def wait_as_told(world: World, refused: Answer) -> None:
    assert (refused.status, refused.code, refused.rule) == (429, 130429, "activity"), refused
    await world.advance(int(refused.headers["Retry-After"]))


async def send_at_the_told_hours(
    world: World, number: str, people: Iterable[str], until: datetime
) -> None:
    """Send to one user after another, each as soon as told, until the hour."""
    for user in people:
        while (answer := await ask(world, number, user)).status != 200:
            await wait_as_told(world, answer)
            if world.clock.now() >= until:
                return
    raise AssertionError("more people are needed")


async def left_at(world: World, number: str) -> list[datetime]:
    return [datetime.fromisoformat(each["at"]) for each in await world.accepted(number)]


def most_within(hours: list[datetime], span: timedelta) -> int:
    """Return the most in any stretch of time so long."""
    return max(sum(first <= at < first + span for at in hours) for first in hours)


async def live_through(world: World, number: str, days: int, users_an_hour: int) -> None:
    """Let the number have a past: so many new users in each of two hours of every day."""
    await govern(world, number, "off")
    for day in range(days):
        people = audience(2 * users_an_hour, start=10_000 + 2 * day * users_an_hour)
        for users in (people[:users_an_hour], people[users_an_hour:]):
            assert taken(await ask_all(world, number, users)) == users_an_hour
            await world.advance(DAY_S / 2)


async def test_a_campaign_after_a_quiet_week_is_spread_out_and_replies_pass(
    make_world: MakeWorld,
) -> None:
    world = await make_world(still=True)
    await live_through(world, MIDDLE, days=8, users_an_hour=10)
    await govern(world, MIDDLE, activity_floor_users=1)
    facts = (await number_row(world, MIDDLE)).facts
    assert (facts.usual_users_hour, facts.usual_users_day, facts.usual_sends_10m) == (10, 20, 10)

    began = world.clock.now()
    answers = await ask_all(world, MIDDLE, audience(45))
    refused = {user: each for user, each in answers.items() if each.status != 200}
    assert len(refused) >= 30, "three times the usual in an hour, and not all of it at once"
    for each in refused.values():
        assert (each.status, each.code, each.rule) == (429, 130429, "activity")
        assert 0 < int(each.headers["Retry-After"]) < 3600
    customer = audience(1, start=5_000)[0]
    await world.inbound(MIDDLE, customer)
    assert (await world.text(MIDDLE, customer, headers=NOW_OR_NEVER)).status == 200

    while refused:
        await wait_as_told(world, next(iter(refused.values())))
        answers = await ask_all(world, MIDDLE, refused)
        refused = {user: each for user, each in answers.items() if each.status != 200}
        # What is allowed grows with what has become usual, an hour after it has.
        allowed = 3 * (await number_row(world, MIDDLE)).facts.usual_users_hour
        newcomers = [at for at in await left_at(world, MIDDLE) if at >= began]
        lately = [at for at in newcomers if at > world.clock.now() - HOUR]
        assert len(lately) <= allowed + 1, "and the reply"
    first_hour = [at for at in newcomers if at < began + HOUR]
    assert 27 <= len(first_hour) - 1 <= 30
    assert await world.violations() == []


async def test_a_new_number_begins_with_few_and_grows_day_by_day(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    await govern(world, SMALL, warm_up_users=8, warm_up_growth=1.5, activity_floor_users=100)
    began = world.clock.now()
    await change(world, SMALL, "numbers", "phone_number_id", active_since=began)
    await send_at_the_told_hours(world, SMALL, audience(500), began + 5 * DAY)

    hours = await left_at(world, SMALL)
    by_day = [sum(began + d * DAY <= at < began + (d + 1) * DAY for at in hours) for d in range(5)]
    curve = [8, 12, 18, 27, 40]
    for day, (count, allowed) in enumerate(zip(by_day, curve, strict=True)):
        assert allowed / 2 - 1 <= count <= allowed, f"day {day} of {by_day}"
        within = [at for at in hours if began + day * DAY <= at < began + (day + 1) * DAY]
        assert most_within(within, HOUR) <= allowed // 4 + 1, f"day {day}"
    assert by_day == sorted(by_day)
    assert await world.violations() == []


async def test_a_number_rated_red_climbs_back_to_what_was_usual(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    await live_through(world, MIDDLE, days=2, users_an_hour=50)
    await world.advance(DAY_S)
    await govern(world, MIDDLE, activity_floor_users=100)
    assert (await number_row(world, MIDDLE)).facts.usual_users_day == 100

    for rating in ("RED", "GREEN"):
        await world.steer(f"/numbers/{MIDDLE}", {"quality_rating": rating})
        await world.flush()
        await world.advance(60)
    since = (await number_row(world, MIDDLE)).facts.recovering_since
    assert since is not None
    assert timedelta(0) <= world.clock.now() - since <= timedelta(minutes=2)

    await send_at_the_told_hours(world, MIDDLE, audience(500), since + 4 * DAY)
    hours = [at for at in await left_at(world, MIDDLE) if at >= since]
    by_day = [sum(since + d * DAY <= at < since + (d + 1) * DAY for at in hours) for d in range(4)]
    for day, (count, allowed) in enumerate(zip(by_day, (20, 30, 45, 67), strict=True)):
        assert allowed / 2 - 1 <= count <= allowed, f"day {day} of {by_day}"
    assert (await number_row(world, MIDDLE)).facts.recovering_since is None, "it is back"
    assert await world.violations() == []


async def test_a_limit_that_is_used_up_is_nothing_to_recover_from(make_world: MakeWorld) -> None:
    """With nothing held back Meta restricts the number too, and it is still no punishment."""
    world = await make_world(still=True, headroom=0.0, limits={SMALL: 40})
    await govern(world, SMALL, activity_floor=1.0, activity_floor_users=1000)
    assert taken(await ask_all(world, SMALL, audience(40))) == 40
    await world.poll()
    assert (await world.emulated(SMALL))["status"] == "RESTRICTED"
    await world.advance(DAY_S)
    await world.poll()

    assert (await number_row(world, SMALL)).facts.recovering_since is None
    assert taken(await ask_all(world, SMALL, audience(40, start=1_000))) == 40
    assert await world.violations() == []


async def test_in_shadow_the_guard_only_counts(make_world: MakeWorld) -> None:
    world = await make_world(still=True)
    await govern(world, MIDDLE, "shadow", activity_floor_users=1)
    assert taken(await ask_all(world, MIDDLE, audience(5))) == 5
    counted = await world.call("GET", f"{world.admin_url}/metrics")
    line = 'gateway_decisions_total{decision="shadow",rule="activity"} 4.0'
    assert line in counted.body.decode().splitlines()
