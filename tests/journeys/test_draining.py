"""P3 while processes are stopped and exchanged in good order."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from tests.builders import users
from tests.gateway_process import GatewayProcess, StartProcess
from tests.journeys.silent_door import SilentDoor
from tests.outage import Server
from tests.web.wire import assert_in_metas_shape
from tests.world import (
    MIDDLE,
    PORTFOLIO,
    SHARED,
    Answer,
    MakeWorld,
    Options,
    World,
    running_world,
    until,
)

ANA = "+34600000001"
AT_ONCE = 24
PATIENT = {"Prefer": "wait=10"}
DRAIN_S = 3.0
UNFINISHED = 3


@dataclass(slots=True)
class Apps:
    """Apps that send to one user after the other, each through the gateways of `targets` in turn.

    Where they are told that a process goes away, or hear nothing of it, they turn to the next one;
    where there is no other they stop.
    """

    world: World
    targets: list[str]
    people: Iterator[str] = field(default_factory=users)
    answers: dict[str, Answer] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    turned: Counter[str] = field(default_factory=Counter)
    is_done: bool = False

    @property
    def taken(self) -> set[str]:
        """Who has been sent to, as the apps were told."""
        return {user for user, answer in self.answers.items() if answer.status == 200}

    async def run(self) -> None:
        """Send until it `is_done`, or until nobody takes anything any more."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._one())

    async def _one(self) -> None:
        while not self.is_done and self.targets:
            user = next(self.people)
            while self.targets and not await self._sent(user):
                pass

    async def _sent(self, user: str) -> bool:
        """Try once; tell whether that was the last time."""
        self.targets.append(target := self.targets.pop(0))
        try:
            answer = await self.world.template(MIDDLE, user, via=target, headers=PATIENT)
        except aiohttp.ClientConnectionError as error:
            self.turned[type(error).__name__] += 1
            if len(set(self.targets)) == 1:
                self.targets.clear()
                self.lost.add(user[1:])
            return False
        self.answers[user[1:]] = answer
        if answer.rule != "draining":
            return True
        self.turned["draining"] += 1
        return len(set(self.targets)) <= 1


async def journal(world: World) -> dict[str, list[str]]:
    """Return the users of the journal, by state."""
    async with world.database.connection() as connection:
        rows = await connection.fetch("select state, user_id from messages order by message_id")
    found: dict[str, list[str]] = {}
    for state, user in rows:
        found.setdefault(state, []).append(user)
    return found


async def shares(world: World) -> int:
    """Return how many processes still hold a share of some number's throughput."""
    async with world.database.connection() as connection:
        count: int = await connection.fetchval(
            "select count(*) from line_shares where granted > 0 or demand is not null"
        )
    return count


async def stop(process: GatewayProcess) -> tuple[int, float]:
    """Ask a process to stop; return its exit code and how many seconds it took."""
    began = time.monotonic()
    return await process.terminate(), time.monotonic() - began


async def test_a_process_that_is_stopped_under_load_answers_everybody_and_leaves_nothing_open(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    """More is asked for than the number may send, so that some are on the wire and some in line."""
    world = await make_world(
        gateway=False, webhooks=False, mode="observe", throughput=20, limits={MIDDLE: 100_000}
    )
    await world.steer("/knobs", {"answer_delay_s": 0.5})
    process = await start_process(world)
    apps = Apps(world, [process.data_url])
    running = asyncio.create_task(apps.run())

    async def is_busy() -> bool:
        written = await journal(world)
        return bool(apps.taken) and len(written.get("reserved", ())) >= 8

    await until(is_busy, "messages on the wire, behind them a line")
    before = set(apps.taken)
    code, took_s = await stop(process)
    await running

    assert (code, took_s < 15) == (0, True)
    assert len(apps.taken - before) >= 8, "what was on the wire was answered"
    away = [answer for answer in apps.answers.values() if answer.status != 200]
    assert away, "who stood in line was told"
    for answer in away:
        assert (answer.status, answer.code, answer.rule) == (503, 133004, "draining")
        assert answer.headers["Retry-After"] == "1"
        assert_in_metas_shape(answer)

    sent = Counter(each["user"] for each in await world.accepted())
    assert sent == Counter(apps.taken), "what Meta took is what apps were told, once each"
    written = await journal(world)
    assert set(written["accepted"]) == apps.taken
    assert written.keys() <= {"accepted", "refused"}
    assert not apps.lost & (sent.keys() | set(written["accepted"]))
    assert await shares(world) == 0


async def test_a_rolling_upgrade_under_load_sends_every_message_exactly_once(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    world = await make_world(gateway=False, webhooks=False, limits={MIDDLE: 100_000})
    await world.steer("/knobs", {"answer_delay_s": 0.05})
    old = list(await asyncio.gather(*(start_process(world) for _ in range(2))))
    apps = Apps(world, [process.data_url for process in old])
    running = asyncio.create_task(apps.run())

    async def go_on() -> None:
        mark = len(apps.taken) + AT_ONCE
        await until(lambda: has_come_to(mark), "more messages")

    async def has_come_to(mark: int) -> bool:
        return len(apps.taken) >= mark

    new = []
    for process in old:
        await go_on()
        new.append(await start_process(world))
        apps.targets.append(new[-1].data_url)
        assert await process.terminate() == 0
        apps.targets.remove(process.data_url)
    await go_on()
    apps.is_done = True
    await running
    assert [await process.terminate() for process in new] == [0, 0]

    assert {answer.status for answer in apps.answers.values()} == {200}, apps.turned
    assert apps.lost == set()
    assert Counter(each["user"] for each in await world.accepted()) == Counter(apps.taken)
    assert (await journal(world)).keys() <= {"accepted", "refused"}
    assert apps.turned, "they noticed"
    assert await world.violations() == []


async def test_for_the_grace_a_process_serves_while_it_says_that_it_is_not_ready(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    world = await make_world(gateway=False)
    process = await start_process(world, drain_grace_s=1.5, drain_s=10)
    world.data_url, world.admin_url = process.data_url, process.admin_url
    world.aim_webhooks(process.data_url)
    stopping = asyncio.create_task(stop(process))

    async def readiness() -> Answer | None:
        answer = await world.call("GET", f"{process.admin_url}/readyz")
        return answer if answer.status != 200 else None

    answer = await until(readiness, "an answer that it is not ready")
    assert (answer.status, answer.json) == (503, {"status": "draining"})
    answer = await world.template(SHARED[0], ANA)
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    await world.steer("/webhooks/flush?timeout_s=5", {})
    code, took_s = await stopping
    assert (code, 1.5 <= took_s < 10) == (0, True)
    async with world.database.connection() as connection:
        assert await connection.fetchval("select count(*) from inbox") > 0, "webhooks were taken"


async def test_what_meta_never_answers_is_in_doubt_and_holds_nobody_up_beyond_the_bound(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    world = await make_world(gateway=False, webhooks=False)
    process = await start_process(world, drain_s=DRAIN_S)
    await world.fault("accept_then_timeout")
    sending = asyncio.create_task(world.template(SHARED[0], ANA, via=process.data_url))
    await until(world.accepted, "a message on its way")
    code, took_s = await stop(process)
    answer = await sending

    assert (code, took_s < DRAIN_S + 2) == (0, True), process.log
    assert (answer.status, answer.code) == (502, 131000)
    assert "do not send it again" in answer.json["error"]["error_data"]["details"]
    assert await journal(world) == {"in_doubt": [ANA[1:]]}
    assert await shares(world) == 0
    later = await start_process(world)
    world.admin_url = later.admin_url
    assert await world.counted(PORTFOLIO) == 1, "the slot stays: it may have arrived"
    assert "was stopped" in (await world.message(answer))["outcome"]["detail"]


@pytest.mark.parametrize("how", ["refuses", "is silent"])
async def test_with_the_database_away_it_ends_within_the_bound(
    server: Server, start_process: StartProcess, how: str
) -> None:
    async with (
        running_world(server.url, Options(gateway=False, webhooks=False)) as world,
        SilentDoor.to(server.url) as door,
    ):
        process = await start_process(
            world, database_url=door.url, drain_s=DRAIN_S, database_timeout_s=2
        )
        idle = await start_process(world, database_url=door.url, drain_s=DRAIN_S)
        await world.steer("/knobs", {"answer_delay_s": 1.0})
        sending = asyncio.create_task(world.template(SHARED[0], ANA, via=process.data_url))
        await until(lambda: is_reserved(world), "a message on its way")
        door.shut(silently=how == "is silent")
        ends = await asyncio.gather(stop(idle), stop(process))

        answer = await sending
        assert answer.status == 200, "what was on its way is answered"
        assert max(took_s for _, took_s in ends) < DRAIN_S + 2
        idle_code, code = (code for code, _ in ends)
        assert code == UNFINISHED, "the answer could not be written"
        # One that had nothing to give back may have noticed nothing of the silence.
        assert idle_code in ({0} if how == "refuses" else {0, UNFINISHED})
        assert await journal(world) == {"reserved": [ANA[1:]]}, "in doubt as soon as it is swept"


async def is_reserved(world: World) -> Any:
    return (await journal(world)).get("reserved")
