"""A campaign of apps that write down what they were told, and the reckoning in the end.

What the apps were told, what the journal says and what the emulator was sent are put side by side:
nothing may be lost, nothing may have gone twice, and every doubt has to be shown.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import aiohttp

from tests.builders import code_body, template_body
from tests.gateway_process import GatewayProcess
from tests.web.asking import ask
from tests.world import DAY_S, SHARED, Answer, World, until

NUMBERS: Final = SHARED[:2]
LIMIT: Final = 24
"""Of the portfolio; the headroom is 0, so that a slot too many would be an overshoot."""
AT_ONCE: Final = 16
CODES: Final = 0.2
"""So many of the messages are codes, which are of no use after some minutes."""
ROUNDS: Final = 6
"""Days after which everything must have ended."""
LEASE_S: Final = 60.0
UNANSWERED_S: Final = 120.0
DOUBT_S: Final = 120.0
LATER: Final = timedelta(hours=2)
ENDS: Final = {
    "turned_away",
    "refused",
    "accepted",
    "sent",
    "delivered",
    "read",
    "failed",
    "expired",
    "cancelled",
    "unknown",
}
REACHED: Final = {"accepted", "sent", "delivered", "read", "failed"}
ADMITTED: Final = re.compile(r'^gateway_decisions_total\{decision="admit".*\} (\S+)$', re.MULTILINE)
OUTCOMES: Final = re.compile(r"^gateway_outcomes_total\{.*\} (\S+)$", re.MULTILINE)
ID: Final = re.compile(r"^gw1\.([0-9a-f]{32})")

# What is due waits for the pool alone; what somebody has claimed who is dead waits for its lease.
STUCK = """
select o.message_id, o.due_at, o.leased_by, o.leased_until, o.rule, o.detail
from outbox o
join pools p using (pool_id)
where o.state = 'parked' and o.due_at <= $1
    and case
        when leased_until > $1 then leased_by <> all($2::uuid[])
        else p.counted < p.messaging_limit
    end
"""
RESERVED = "select count(*) from messages where state = 'reserved'"
IN_DOUBT = "select count(*) from messages where state = 'in_doubt'"
PARKED = "select count(*) from outbox where state = 'parked'"
JOURNAL = "select message_id, user_id, state, hold, wamid, code, detail, rule from messages"
OUTBOX = "select message_id, state, leased_by from outbox"


@dataclass(slots=True)
class Campaign:
    """Apps that send to a number of people, each once.

    `told`: what they were answered, by user, None where the connection was lost. `dead`: processes
    that have been killed, by the names of their leases.
    """

    world: World
    rng: random.Random
    told: dict[str, Answer | None] = field(default_factory=dict)
    dead: list[UUID] = field(default_factory=list)

    async def run(
        self,
        processes: Sequence[GatewayProcess],
        people: Iterable[str],
        *,
        chances: Sequence[float] = (3, 5, 2),
    ) -> None:
        """Send to all of `people`, through any process that takes the connection.

        `chances` of a message that is to go at once, may be parked, or is asked for later.
        """
        room = asyncio.Semaphore(AT_ONCE)

        async def one(user: str, urls: list[str], number: str, headers: dict[str, str]) -> None:
            body = code_body(user, "4711") if self.rng.random() < CODES else template_body(user)
            async with room:
                await self.send(body, urls, number, headers)

        urls = [process.data_url for process in processes]
        at = (self.world.clock.now() + LATER).isoformat()
        kinds: tuple[dict[str, str], ...] = (
            {},
            {"Prefer": "respond-async"},
            {"Gateway-Send-At": at},
        )
        await asyncio.gather(
            *(
                one(
                    user,
                    self.rng.sample(urls, len(urls)),
                    self.rng.choice(NUMBERS),
                    self.rng.choices(kinds, chances)[0],
                )
                for user in people
            )
        )

    async def in_peace(self, processes: Iterable[GatewayProcess]) -> None:
        """Wait until nothing that is due can go any more, and nothing is on its way."""
        world = self.world
        restless: list[Any] = []

        async def peaceful() -> bool:
            async with world.database.connection() as connection:
                stuck = await connection.fetch(STUCK, world.clock.now(), self.dead)
            sending = [each.pid for each in processes if await _is_sending(world, each)]
            restless[:] = [*map(dict, stuck), *sending]
            return not restless

        try:
            await until(peaceful, "peace")
        except AssertionError as error:
            error.add_note(f"parcels that could go, and who is sending: {restless}")
            raise

    async def send(
        self, body: dict[str, Any], urls: Iterable[str], number: str, headers: dict[str, str]
    ) -> None:
        """Send to one of them, through the first process that takes the connection."""
        for url in urls:
            try:
                answer = await self.world.send(number, body, headers=headers, via=url)
            except aiohttp.ClientConnectorError:
                continue  # nothing was taken
            except aiohttp.ClientError:
                answer = None
            self.told[body["to"][1:]] = answer
            return
        raise AssertionError("nobody takes a connection")


async def _is_sending(world: World, process: GatewayProcess) -> bool:
    """Tell whether something was admitted there of which the outcome is not known yet."""
    answer = await world.call("GET", f"{process.admin_url}/metrics")
    admitted, outcomes = (
        sum(float(count) for count in pattern.findall(answer.body.decode()))
        for pattern in (ADMITTED, OUTCOMES)
    )
    return admitted > outcomes


async def pass_time(world: World, seconds: float) -> None:
    """Move the clock, the emulator's first: nothing must be there before its hour.

    A process whose connections were just cut may say 503, having moved its clock or not: it is
    told again how far it is behind.
    """
    await world.steer("/clock", {"advance_s": seconds})

    async def followed() -> bool:
        answer = await ask(world, "POST", "/sandbox/clock", {"advance_s": 0})
        if answer.status == 200:
            behind = world.clock.now() - datetime.fromisoformat(answer.json["now"])
            rest_s = max(behind.total_seconds(), 0.0)
            answer = await ask(world, "POST", "/sandbox/clock", {"advance_s": rest_s})
        assert answer.status in {200, 503}, answer
        return answer.status == 200

    await until(followed, "the gateway to move its clock")


async def to_the_end(campaign: Campaign, processes: Sequence[GatewayProcess]) -> None:
    """Move the clock until nothing waits any more, and every status has been told."""
    world = campaign.world
    world.admin_url = processes[0].admin_url
    world.aim_webhooks(processes[0].data_url)
    for _ in range(ROUNDS):
        await campaign.in_peace(processes)
        await pass_time(world, DAY_S + LEASE_S + UNANSWERED_S)
        await campaign.in_peace(processes)
        if await _count(world, PARKED) == 0:
            break
    for seconds, query in ((UNANSWERED_S, RESERVED), (DOUBT_S, IN_DOUBT)):
        await pass_time(world, seconds + 1)
        await world.flush()
        await until(partial(_none, world, query), "an end of every message")


async def _none(world: World, query: str) -> bool:
    return await _count(world, query) == 0


async def _count(world: World, query: str) -> int:
    async with world.database.connection() as connection:
        count: int = await connection.fetchval(query)
        return count


async def reckon(campaign: Campaign) -> Counter[str]:
    """Assert that all three agree; returns how many messages ended in each state."""
    world = campaign.world
    async with world.database.connection() as connection:
        journal = {row["message_id"].hex: dict(row) for row in await connection.fetch(JOURNAL)}
        outbox = {row["message_id"].hex: dict(row) for row in await connection.fetch(OUTBOX)}
    accepted = await world.accepted()
    at_meta = Counter(_id(each) for each in accepted)

    assert [each for each, times in at_meta.items() if times > 1] == [], "sent twice"
    users = Counter(each["user"] for each in accepted)
    assert [user for user, times in users.items() if times > 1] == [], "written to twice"
    assert await world.violations() == [], "overshoot"
    assert at_meta.keys() <= journal.keys(), "left without having been durable first"
    hanging = {key: row for key, row in journal.items() if row["state"] not in ENDS}
    assert hanging == {}, "no end"
    for key, row in journal.items():
        assert (row["state"] in REACHED) == (key in at_meta), ("not what Meta knows", row)
    for user, answer in campaign.told.items():
        _check(user, answer, journal, at_meta)
    _check_outbox(outbox, journal)
    return Counter(row["state"] for row in journal.values())


def _check(
    user: str, answer: Answer | None, journal: dict[str, Any], at_meta: Counter[str]
) -> None:
    """Assert that an app was told the truth."""
    if answer is None:
        return  # whatever became of it is in the journal, and was not sent twice
    key = answer.headers["Gateway-Message-Id"]
    row = journal.get(key)
    if answer.status == 200:
        assert row is not None
        assert row["wamid"] == answer.json["messages"][0]["id"]
        assert at_meta[key] == 1
    elif answer.status == 202:
        assert row is not None, f"lost: {user} was promised to be written to"
        assert at_meta[key] == 1 or row["state"] in {"in_doubt", "unknown"} or row["detail"], row
    elif answer.rule == "outage" and row is None:
        assert at_meta[key] == 0, "left without having been durable first"
    elif answer.status in {502, 504}:
        assert row is not None
        assert at_meta[key] == 1 or row["state"] in {"in_doubt", "unknown", "refused"}, row
    else:
        assert at_meta[key] == 0, f"{user} was refused ({answer.status}) and yet written to"


def _check_outbox(outbox: dict[str, Any], journal: dict[str, Any]) -> None:
    """Assert that nothing is left in the outbox but what is shown as dead."""
    for key, parcel in outbox.items():
        assert parcel["state"] == "dead", (parcel, journal[key])


def _id(sighting: dict[str, Any]) -> str:
    found = ID.match(sighting["biz_opaque_callback_data"] or "")
    assert found, f"not ours: {sighting}"
    return found[1]
