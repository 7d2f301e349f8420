import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any, cast

import pytest
import structlog

from gateway.outbound.settling import LEASE_S, RESTS_AFTER_S, SETTLE_S
from gateway.policy.rate_shares import Grant, alone, capacity, grant_of
from gateway.store import lines as store
from gateway.store.database import Database
from tests.outage import Server
from tests.outbound.fleet import GRACE_S, PLENTY, Fleet, Process, StubLine, Time, is_away, near
from tests.policy.making import NUMBER, SECOND_NUMBER

STOPPED = Grant(0.0, 1.0)


# --- sharing


async def test_a_new_line_stands_still_until_something_is_free(two: Fleet) -> None:
    one, other = two.processes
    one.line.wants = PLENTY
    assert await one.settlement.run_once() == 1
    assert one.line.grant == alone(80)
    await other.settlement.run_once()
    assert other.line.grant == STOPPED


@pytest.mark.parametrize("level", [20, 80, 1000])
async def test_three_busy_processes_divide_a_number(three: Fleet, level: int) -> None:
    for process in three.processes:
        process.line.level = level
        process.line.wants = PLENTY
    await three.rounds(16)
    assert three.rates == near([capacity(level, 3) / 3] * 3)
    assert three.processes[0].line.grant == grant_of(three.rates[0])


async def test_an_idle_processs_share_is_the_busy_ones_within_a_second(three: Fleet) -> None:
    await three.rounds(10)
    assert three.rates == near([capacity(80, 3) / 3] * 3)
    three.processes[1].line.wants = PLENTY
    await three.rounds(4)
    assert 4 * SETTLE_S <= 1
    assert three.rates[0] == three.rates[2] == 0
    assert three.rates[1] == near(capacity(80, 3))
    await three.rounds(10)
    assert three.rates == near([0, capacity(80, 1), 0])


async def test_a_line_that_is_settled_before_its_first_message_reckons_with_its_fair_share(
    three: Fleet,
) -> None:
    """Or the first of a campaign would be told that they have to wait for a second each."""
    for process in three.processes[:2]:
        process.line.wants = PLENTY
    three.processes[2].line.wants = 0.0
    await three.rounds(10)
    assert three.rates == near([capacity(80, 2) / 2] * 2 + [0])
    assert three.processes[2].line.expected == near(capacity(80, 3) / 3)


async def test_at_no_moment_is_more_granted_than_there_is(three: Fleet) -> None:
    """Whoever looks between any two steps sees no more than the level."""
    rng = Random(5)  # noqa: S311 - demands
    seen: list[float] = []

    class Watched(StubLine):
        def regulate(self, grant: Grant) -> None:
            super().regulate(grant)
            seen.append(sum(three.rates))

    for process in three.processes:
        process.lines = [Watched()]
        process.line = process.lines[0]
        process.line.regulate(STOPPED)
    seen.clear()
    for _ in range(60):
        for process in three.processes:
            process.line.wants = rng.choice([0.0, 3.0, 40.0, PLENTY])
        await asyncio.gather(*(process.settlement.run_once() for process in three.processes))
        three.time.pass_by(rng.choice([0.1, SETTLE_S, SETTLE_S, 5.0]))
    assert max(seen) <= capacity(80, 1) + 1e-9
    assert len(seen) > 100


async def test_the_share_of_a_killed_process_returns_within_ten_seconds(two: Fleet) -> None:
    for process in two.processes:
        process.line.wants = PLENTY
    await two.rounds(8)
    killed = two.processes.pop()
    died_s = two.time.monotonic_s - SETTLE_S
    while two.rates[0] < capacity(80, 1) - 0.03:
        await two.rounds()
        assert two.time.monotonic_s - died_s < 10
        still_sends = two.time.monotonic_s - died_s < LEASE_S
        assert two.rates[0] + killed.rate * still_sends <= capacity(80, 1) + 1e-9
    assert two.time.monotonic_s - died_s > LEASE_S + GRACE_S


async def test_a_process_that_stops_gives_its_share_back(two: Fleet) -> None:
    for process in two.processes:
        process.line.wants = PLENTY
    await two.rounds(8)
    gone = two.processes.pop()
    gone.settlement.note_inbound(NUMBER, 30)
    await gone.settlement.close()
    assert gone.line.grant == STOPPED
    await two.rounds()
    assert two.rates == near([capacity(80, 2)])
    assert await gone.settlement.run_once() == 0


async def test_numbers_are_settled_each_on_its_own(database: Database) -> None:
    time = Time()
    both = Process(database, time, 1, StubLine(), StubLine(SECOND_NUMBER, 20))
    other = Process(database, time, 2, StubLine(SECOND_NUMBER, 20))
    both.lines[1].wants = other.line.wants = PLENTY
    for _ in range(6):
        assert await both.settlement.run_once() == 2
        assert await other.settlement.run_once() == 1
        time.pass_by(SETTLE_S)
    assert both.lines[0].grant == alone(80)
    assert both.lines[1].grant.rate == other.rate == near(capacity(20, 2) / 2)


async def test_processes_that_settle_at_once_all_get_settled(three: Fleet) -> None:
    for _ in range(20):
        counts = await asyncio.gather(*(p.settlement.run_once() for p in three.processes))
        assert counts == [1, 1, 1]


# --- leases


async def test_a_grant_runs_out_by_itself(two: Fleet) -> None:
    process = two.processes[0]
    await process.settlement.run_once()
    two.time.pass_by(LEASE_S - 0.001)
    assert await process.settlement.lapse() == 0
    assert process.line.grant == alone(80)
    two.time.pass_by(0.001)
    assert await process.settlement.lapse() == 1
    assert process.line.grant == STOPPED
    assert await process.settlement.lapse() == 0


async def test_an_answer_that_comes_too_late_grants_nothing(
    two: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = two.processes[0]
    write = store.write

    async def slow(*arguments: Any) -> set[str]:
        two.time.pass_by(LEASE_S)
        return await write(*arguments)

    monkeypatch.setattr(store, "write", slow)
    await process.settlement.run_once()
    assert process.line.grant == STOPPED


async def test_what_is_lowered_is_lowered_before_the_others_can_know(
    two: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two.processes
    await two.rounds(4)
    one.line.wants = PLENTY
    await one.settlement.run_once()
    before, write = other.rate, store.write

    async def watched(*arguments: Any) -> set[str]:
        assert other.rate == 0 < before
        return await write(*arguments)

    monkeypatch.setattr(store, "write", watched)
    await other.settlement.run_once()


async def test_with_the_database_away_grants_run_out_and_come_back(server: Server) -> None:
    database = await Database.open(server.url, timeout_s=2)
    time = Time()
    process = Process(database, time, 1)
    await process.settlement.run_once()
    await server.stop()
    time.pass_by(SETTLE_S)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert await process.settlement.run_once() == 0
    assert [entry["log_level"] for entry in logs] == ["warning"]
    assert is_away(process)
    assert process.line.grant == alone(80)
    time.pass_by(LEASE_S)
    await process.settlement.run_once()
    assert process.line.grant == STOPPED
    await server.start()
    assert await process.settlement.run_once() == 1
    assert not is_away(process)
    assert process.line.grant == alone(80)
    await server.stop()
    await process.settlement.close()
    assert process.line.grant == STOPPED
    database.terminate()


async def test_a_line_that_nobody_wants_rests_and_costs_nothing(two: Fleet) -> None:
    process = two.processes[0]
    await process.settlement.run_once()
    two.time.pass_by(RESTS_AFTER_S)
    assert await process.settlement.run_once() == 1
    assert process.line.grant == STOPPED
    assert await process.settlement.run_once() == 0
    process.line.wants = 1.0
    assert await process.settlement.run_once() == 1
    assert process.line.grant == alone(80)


async def test_whoever_has_no_grant_asks_for_one_once(two: Fleet) -> None:
    one, other = two.processes
    one.line.wants = PLENTY
    await one.settlement.run_once()
    other.line.wants = 1.0
    for _ in range(3):
        other.settlement.want(NUMBER)
    assert other.woken == 1
    await other.settlement.run_once()
    other.settlement.want(NUMBER)
    assert other.woken == 1
    await one.settlement.run_once()
    await other.settlement.run_once()
    assert other.rate == near(3.0)
    other.settlement.want(NUMBER)
    assert other.woken == 1
    two.time.pass_by(LEASE_S)
    await other.settlement.lapse()
    other.settlement.want(NUMBER)
    assert other.woken == 2


# --- inbound


async def test_users_messages_make_outbound_leave_room_and_return(two: Fleet) -> None:
    one, other = two.processes
    other.lines = []
    one.line.wants = PLENTY
    await two.rounds()
    other.settlement.note_inbound(NUMBER, 12)
    other.settlement.note_inbound(NUMBER, 8)
    one.settlement.note_inbound(NUMBER, 10)
    assert await other.settlement.run_once() == 1
    await one.settlement.run_once()
    assert one.rate == near(capacity(50, 1))
    two.time.pass_by(6)
    assert await other.settlement.run_once() == 1
    await one.settlement.run_once()
    assert one.rate == near(capacity(80, 1))
    assert await other.settlement.run_once() == 0


# --- what it costs


async def test_a_round_of_many_numbers_is_two_statements(database: Database) -> None:
    process = Process(database, Time(), 1, *(StubLine(str(n)) for n in range(50)))
    statements: list[str] = []

    class Counting:
        @asynccontextmanager
        async def connection(self) -> AsyncIterator[Any]:
            async with database.connection() as connection:
                connection.add_query_logger(lambda record: statements.append(record.query))
                yield connection

    process.settlement._database = cast("Database", Counting())  # noqa: SLF001 - to look on
    assert await process.settlement.run_once() == 50
    assert {line.grant for line in process.lines} == {alone(80)}
    assert len(statements) == 2
