import asyncio
from datetime import timedelta
from uuid import UUID

from gateway.policy.rate_shares import GRACE, LEASE, Share
from gateway.policy.throttling import Hold, Speed
from gateway.store import lines
from gateway.store.database import Database
from gateway.store.lines import Seen, Settled
from tests.policy.making import HOUR, INSTANT, NOW, NUMBER, SECOND_NUMBER, changed

ONE, TWO = UUID(int=1), UUID(int=2)
SECOND = timedelta(seconds=1)
EXACT = NOW + timedelta(microseconds=120_000)
SPEED = Speed(12.5, EXACT)
HOLD = Hold("waba:1", NOW + HOUR, 80007, 3, EXACT)


def share(who: UUID = ONE, **changes: object) -> Share:
    return changed(Share(who, 12.5, 3.0, 38.2, EXACT + LEASE, EXACT + LEASE), **changes)


async def look(database: Database, *numbers: str) -> dict[str, Seen]:
    async with database.connection() as connection:
        return (await lines.read(connection, numbers, NOW))[0]


async def write(database: Database, **settled: Settled) -> set[str]:
    """Write for numbers named `n<id>`."""
    async with database.connection() as connection:
        named = {name.removeprefix("n"): one for name, one in settled.items()}
        return await lines.write(connection, named, NOW)


async def test_a_number_nobody_has_settled_is_not_known(database: Database) -> None:
    assert await look(database, NUMBER) == {}
    assert await look(database) == {}


async def test_what_was_settled_is_read_again(database: Database) -> None:
    first, second = share(), share(demand=None, granted=0.0, held_until=None)
    assert await write(database, n1=Settled(0, SPEED, first), n2=Settled(0, None, second)) == {
        "1",
        "2",
    }
    assert await look(database, "1", "2", "3") == {
        "1": Seen(1, SPEED, (first,)),
        "2": Seen(1, None, (second,)),
    }
    assert await look(database, "2") == {"2": Seen(1, None, (second,))}


async def test_a_process_has_one_share_of_a_number(database: Database) -> None:
    await write(database, n1=Settled(0, None, share()))
    await write(database, n1=Settled(1, SPEED, share(TWO)))
    later = share(granted=1.0)
    await write(database, n1=Settled(2, SPEED, later))
    seen = (await look(database, "1"))["1"]
    assert (seen.version, set(seen.shares)) == (3, {later, share(TWO)})


async def test_what_was_settled_meanwhile_is_not_overwritten(database: Database) -> None:
    await write(database, n1=Settled(0, SPEED, share()))
    for stale in (0, 2):
        both = {"n1": Settled(stale, None, share(TWO)), "n2": Settled(0, None, share(TWO))}
        await write(database, **both)
        assert (await look(database, "1"))["1"] == Seen(1, SPEED, (share(),))
    assert (await look(database, "2"))["2"] == Seen(1, None, (share(TWO),))


async def test_of_those_who_write_at_once_one_wins(database: Database) -> None:
    numbers = [f"n{number}" for number in range(20)]
    for version in range(5):
        written = await asyncio.gather(
            *(
                write(database, **{n: Settled(version, None, share(UUID(int=who))) for n in order})
                for who, order in enumerate([numbers, numbers[::-1], numbers[10:], numbers[:10]], 1)
            )
        )
        assert sorted(name for names in written for name in names) == sorted(
            name.removeprefix("n") for name in numbers
        )


async def test_shares_that_have_run_out_are_forgotten(database: Database) -> None:
    ended = share(TWO, leased_until=NOW - GRACE)
    await write(database, n1=Settled(0, None, ended), n2=Settled(0, None, ended))
    counts = share(UUID(int=3), leased_until=NOW - GRACE + INSTANT)
    await write(database, n1=Settled(1, None, counts))
    own = share(leased_until=NOW - HOUR)
    await write(database, n1=Settled(2, None, own))
    seen = await look(database, "1", "2")
    assert set(seen["1"].shares) == {counts, own}
    assert seen["2"].shares == (ended,)


# --- holds


async def holds(database: Database, since_hours: int = 0) -> list[Hold]:
    async with database.connection() as connection:
        return (await lines.read(connection, [], NOW + since_hours * HOUR))[1]


async def hold(database: Database, *some: Hold) -> None:
    async with database.connection() as connection:
        await lines.hold(connection, some)


async def test_holds_are_read_until_they_are_long_over(database: Database) -> None:
    assert await holds(database) == []
    await hold(database, HOLD, changed(HOLD, scope="app:1", held_until=NOW))
    assert await holds(database) == [HOLD]
    assert await holds(database, since_hours=1) == []


async def test_the_longer_hold_is_kept(database: Database) -> None:
    longer = changed(HOLD, held_until=NOW + 2 * HOUR, code=4, strikes=4, struck_at=NOW + SECOND)
    for one in (HOLD, longer, HOLD):
        await hold(database, one)
    assert await holds(database) == [longer]


async def test_other_numbers_are_not_read(database: Database) -> None:
    await write(database, **{f"n{SECOND_NUMBER}": Settled(0, None, share())})
    assert await look(database, NUMBER) == {}
