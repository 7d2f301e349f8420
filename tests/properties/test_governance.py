import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.emulator import Knobs
from tests.builders import template_body, users
from tests.properties.happenings import Happening, histories
from tests.world import (
    MIDDLE,
    PORTFOLIO,
    SHARED,
    SMALL,
    Answer,
    MakeWorld,
    Options,
    World,
    running_world,
)

LIMITS = {SMALL: 50, MIDDLE: 250, PORTFOLIO: 30}
GOVERNED = {
    "account",
    "messaging_limit",
    "pair_rate",
    "restriction",
    "service_window",
    "template",
    "throughput",
}
# More than a history ever sends in the one instant at which its clock stands still.
UNHURRIED = 100_000
EXAMPLES = 12


@pytest.fixture(scope="module")
def met() -> Iterator[Counter[str]]:
    """Count what the histories met with: a property that meets no rule proves nothing."""
    yield (found := Counter[str]())
    assert found["sent"] > 15 * EXAMPLES, found
    assert {rule for rule in GOVERNED - {"account", "throughput"} if not found[rule]} == set()


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    # An example lives through weeks in a second or two: shrinking one would take many minutes.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    history=histories,
    headroom=st.sampled_from((0.0, 0.05)),
    disorder=st.fixed_dictionaries(
        {"duplicate_rate": st.sampled_from((0.0, 0.5)), "status_delay_s": st.sampled_from((0, 90))}
    ),
)
async def test_whatever_happens_the_second_reading_of_meta_finds_no_rule_broken(
    database_url: str,
    met: Counter[str],
    history: list[Happening],
    headroom: float,
    disorder: dict[str, float],
) -> None:
    """The observer accepts everything and notes what breaks a rule: in both regimes, nothing."""
    await empty(database_url)
    options = Options(
        mode="observe",
        knobs=Knobs(**disorder),
        limits=LIMITS,
        headroom=headroom,
        throughput=UNHURRIED,
        still=True,
        # Where the clock stands still nobody waits for an instant to come.
        settings={"wait_s": 1.0},
    )
    async with running_world(database_url, options) as world:
        for happening in history:
            answers = await happening.happen(world)
            await world.flush()
            met.update(map(meaning, answers))
            await assert_lawful(world, happening)


def meaning(answer: Answer) -> str:
    return "sent" if answer.status == 200 else answer.rule or "upstream"


async def assert_lawful(world: World, happening: Happening) -> None:
    violations = [each for each in await world.violations() if each["rule"] in GOVERNED]
    assert violations == [], happening
    for number, pool_id in ((SMALL, SMALL), (MIDDLE, MIDDLE), (SHARED[0], PORTFOLIO)):
        seen = (await world.emulated(number))["counted_users"]
        assert await world.counted(pool_id) >= seen, f"{pool_id} is undercounted: {happening}"


async def empty(database_url: str) -> None:
    """Forget what the last example has left behind."""
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetchval(
            "select string_agg(format('%I', tablename), ', ') from pg_tables "
            "where schemaname = 'public' and tablename <> 'schema_migrations'"
        )
        await connection.execute(f"truncate {tables}")
    finally:
        await connection.close()


async def test_a_burst_is_smoothed_so_that_no_second_holds_more_than_the_throughput(
    make_world: MakeWorld,
) -> None:
    """Source: THR (11 Sep 2026), 80 messages a second; the window slides (R§5.1, R§12.1 row 18)."""
    world = await make_world(mode="observe", throughput=80)
    people = list(islice(users(), 230))
    answers = await asyncio.gather(*(world.send(MIDDLE, template_body(user)) for user in people))
    assert [answer.status for answer in answers] == [200] * len(people)
    assert await world.violations() == []
