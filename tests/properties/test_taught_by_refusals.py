"""What one process is told by Meta, all of them have learnt."""

from collections.abc import Sequence
from typing import Any

import pytest

from gateway.outbound.settling import SETTLE_S
from gateway.policy.rate_shares import alone, capacity
from gateway.store import lines as store
from gateway.store.database import Database
from tests.outbound.fleet import GRACE_S, PLENTY, Fleet, Process, Time, near
from tests.policy.making import NOW, NUMBER, SECOND_NUMBER, WABA


async def test_a_refusal_for_throughput_halves_at_once_everywhere_and_recovers(two: Fleet) -> None:
    one, other = two.processes
    for process in two.processes:
        process.line.wants = PLENTY
    await two.rounds(6)
    before = one.rate
    for _ in range(30):
        one.learn(130429)
        other.learn(130429)
    assert one.rate == other.rate == near(before / 2)
    assert (one.woken, other.woken) == (1, 1)
    await two.rounds(2)
    assert two.rates == near([capacity(40, 2) / 2] * 2, abs=0.5)
    await two.rounds(int(10 / SETTLE_S))
    assert sum(two.rates) == near(capacity(50, 2), abs=1.0)
    await two.rounds(int(31 / SETTLE_S))
    assert sum(two.rates) == near(capacity(80, 2))


async def test_another_burst_a_second_later_halves_again(two: Fleet) -> None:
    process = two.processes[0]
    process.line.wants = PLENTY
    await process.settlement.run_once()
    for seconds in (0.0, 0.9, 0.1):
        two.time.pass_by(seconds)
        process.learn(130429)
        await process.settlement.run_once()
    assert process.rate == near(capacity(20, 1))


async def test_what_is_learnt_while_it_is_written_is_not_overruled(
    two: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = two.processes[0]
    process.line.wants = PLENTY
    await process.settlement.run_once()
    write = store.write

    async def refused(*arguments: Any) -> set[str]:
        process.learn(130429)
        return await write(*arguments)

    monkeypatch.setattr(store, "write", refused)
    await process.settlement.run_once()
    assert process.rate == near(capacity(80, 1) / 2)


async def test_a_slowed_number_is_still_slow_after_a_restart(two: Fleet) -> None:
    one, other = two.processes
    await one.settlement.run_once()
    one.learn(130429)
    await one.settlement.run_once()
    await one.settlement.close()
    two.time.pass_by(GRACE_S)
    await other.settlement.run_once()
    assert other.rate == near(capacity(42, 1))


async def test_maintenance_holds_the_number_in_every_process(two: Fleet) -> None:
    one, other = two.processes
    await two.rounds()
    one.learn(131057)
    assert one.line.held == [60]
    assert one.woken == 1
    assert other.settlement.hold_of(NUMBER, WABA, "shop") is None
    await two.rounds()
    assert other.line.held == [60]
    assert other.settlement.hold_of(NUMBER, WABA, "shop") == (60 - SETTLE_S, 131057)
    assert other.settlement.hold_of(SECOND_NUMBER, WABA, "shop") is None
    assert one.line.grant == other.line.grant
    two.time.pass_by(60)
    one.line.held.clear()
    await two.rounds()
    assert one.line.held == []
    assert other.settlement.hold_of(NUMBER, WABA, "shop") is None


@pytest.mark.parametrize(("code", "own_token"), [(80007, False), (80008, True), (4, False)])
async def test_an_accounts_hold_is_known_to_all_and_survives_a_restart(
    two: Fleet,
    code: int,
    own_token: bool,  # noqa: FBT001 - a table
) -> None:
    one, other = two.processes
    one.learn(code, own_token=own_token)
    assert await one.settlement.run_once() == 1
    await one.settlement.close()
    await other.settlement.run_once()
    assert other.settlement.hold_of(SECOND_NUMBER, WABA, "bank") == (60, code)
    assert other.settlement.hold_of(SECOND_NUMBER, "9", "shop") is None
    assert other.line.held == []


async def test_a_refusal_about_a_number_without_a_line_is_survived(database: Database) -> None:
    process = Process(database, Time(), 1)
    process.learn(130429)
    process.learn(131057)
    process.lines = []
    assert await process.settlement.run_once() == 0
    async with database.connection() as connection:
        _, holds = await store.read(connection, [], NOW)
    assert [hold.scope for hold in holds] == [f"number:{NUMBER}"]


async def test_refusals_about_something_else_teach_nothing_here(two: Fleet) -> None:
    process = two.processes[0]
    await process.settlement.run_once()
    codes: Sequence[int] = (131056, 131048, 131049, 100, 190)
    for code in codes:
        process.learn(code)
    assert process.woken == 0
    assert process.line.grant == alone(80)
    assert process.settlement.hold_of(NUMBER, WABA, "shop") is None
