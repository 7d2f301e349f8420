"""P4 and P5 on real sockets, with an emulator that enforces what it counts."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from gateway.emulator import Knobs
from tests.builders import code_body, template_body, text_body, users
from tests.gateway_process import StartProcess
from tests.journeys.campaign import audience, campaign
from tests.journeys.lag import Lag, measured_lag
from tests.world import MIDDLE, Answer, MakeWorld, World, until

LEVEL = 80
WAIT = re.compile(r"wait;dur=([\d.]+)")
PATIENT = {"Prefer": "wait=10"}


def waited_s(answer: Answer) -> float:
    found = WAIT.search(answer.headers["Server-Timing"])
    assert found
    return float(found[1]) / 1000


def percentile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def fullest(sends: Sequence[dict[str, Any]], seconds: int) -> tuple[int, float]:
    """Return how many messages the fullest stretch of so many seconds holds, and its start."""
    at = sorted(datetime.fromisoformat(each["at"]).timestamp() for each in sends)
    return max((sum(start <= each < start + seconds for each in at), start) for start in at)


def used(sends: Sequence[dict[str, Any]], lag: Lag, seconds: int = 3) -> float:
    """Return which part of the level the fullest seconds hold, as far as this process was awake."""
    count, start = fullest(sends, seconds)
    return count / (LEVEL * (seconds - lag.lost_s(start, start + seconds)))


async def app(world: World, app_id: str) -> str:
    key: str = (await world.admin("/apps", {"app_id": app_id, "name": app_id}))["key"]
    return key


async def flood(
    world: World, key: str, people: Iterator[str], callers: int, got: Counter[str]
) -> None:
    """Send marketing as fast as answers come, until cancelled; who is told to wait does so."""

    async def one() -> None:
        while True:
            body = template_body(next(people), "autumn_offer")
            answer = await world.send(MIDDLE, body, key=key, headers={"Prefer": "wait=4"})
            got[f"{key}:{answer.status}"] += 1
            if answer.status == 429:
                await asyncio.sleep(float(answer.headers["Retry-After"]))

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(one())


async def test_a_campaign_draws_no_refusal_and_uses_what_there_is(make_world: MakeWorld) -> None:
    """P4 with one process. Source: THR (11 Sep 2026), R§5.1."""
    world = await make_world(throughput=LEVEL, limits={MIDDLE: 100_000})
    async with measured_lag() as lag:
        answers = await asyncio.gather(
            *(world.send(MIDDLE, template_body(user), headers=PATIENT) for user in audience(400))
        )
    assert Counter(answer.status for answer in answers) == {200: 400}
    assert {each["outcome"] for each in await world.sends(MIDDLE)} == {"accepted"}
    assert used(await world.sends(MIDDLE), lag) >= 0.95


async def test_three_processes_together_keep_the_throughput_and_use_what_there_is(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    """P4 with three processes, each of which is asked for more than its part.

    The emulator looks on here and does not refuse: this process, in which it runs, may itself be
    kept waiting by the machine, and then sees at once what came in the meantime.
    """
    world = await make_world(
        gateway=False, mode="observe", throughput=LEVEL, limits={MIDDLE: 100_000}
    )
    processes = await asyncio.gather(*(start_process(world) for _ in range(3)))
    async with measured_lag() as lag:
        answers = await asyncio.gather(
            *(
                campaign(
                    world,
                    MIDDLE,
                    audience(150, start=1 + 1000 * number),
                    via=each.data_url,
                    headers=PATIENT,
                )
                for number, each in enumerate(processes)
            )
        )
    told = [Counter(answer.status for answer in part) for part in answers]
    assert told == [{200: 150}] * 3
    sends = await world.sends(MIDDLE)
    assert fullest(sends, 1)[0] <= LEVEL * (1 + lag.most_s)
    assert used(sends, lag) >= 0.95


async def test_messages_to_one_user_wait_for_the_pair_rate_and_hold_up_nobody(
    make_world: MakeWorld,
) -> None:
    """P4. Source: ABOUT (11 Sep 2026), R§5.2: 45 at once; we stop at 30 and go on by the clock."""
    world = await make_world(limits={MIDDLE: 100_000})
    await world.inbound(MIDDLE, "+34600000001")
    bodies = [text_body("+34600000001", f"news {number}") for number in range(32)]
    patient = {"Prefer": "wait=9"}
    answers, others = await asyncio.gather(
        asyncio.gather(*(world.send(MIDDLE, body, headers=patient) for body in bodies)),
        asyncio.gather(*(world.template(MIDDLE, user) for user in audience(20, start=2))),
    )
    assert Counter(answer.status for answer in answers) == {200: 31, 429: 1}
    (late,) = [answer for answer in answers if answer.status == 429]
    assert (late.rule, late.code) == ("pair_rate", 131056)
    assert 10 <= int(late.headers["Retry-After"]) <= 12
    assert max(waited_s(answer) for answer in answers if answer.status == 200) >= 5
    assert max(waited_s(answer) for answer in others) < 2
    assert {each["outcome"] for each in await world.sends(MIDDLE)} == {"accepted"}


async def test_the_messages_to_a_user_arrive_in_the_order_in_which_they_came(
    make_world: MakeWorld,
) -> None:
    """The second comes while Meta has not answered the first yet."""
    world = await make_world(throughput=LEVEL, knobs=Knobs(answer_delay_s=0.3))
    people = audience(20)
    for user in people:
        await world.steer("/inbound", {"phone_number_id": MIDDLE, "from": user[1:], "text": "hi"})
    await world.flush()
    sending: list[asyncio.Task[Answer]] = []

    async def all_have_come() -> bool:
        async with world.database.connection() as connection:
            decided: int = await connection.fetchval("select count(*) from messages")
            return decided == len(sending)

    for number in range(4):
        for user in people:
            body = text_body(user, f"part {number}")
            sending.append(asyncio.create_task(world.send(MIDDLE, body, headers=PATIENT)))
        await until(all_have_come, f"part {number} of everybody")
    answers = await asyncio.gather(*sending)
    assert {answer.status for answer in answers} == {200}, answers
    came = [answer.json["messages"][0]["id"] for answer in answers]
    seen = await world.sends(MIDDLE)
    for user in people:
        arrived = [each["wamid"] for each in seen if each["user"] == user[1:]]
        assert len(arrived) == 4
        assert arrived == [wamid for wamid in came if wamid in arrived]


async def test_a_flooding_campaign_starves_neither_codes_nor_replies(
    make_world: MakeWorld,
) -> None:
    """P5: codes wait a second at most, replies two, at the 99th percentile.

    Everything runs in this process: while the machine keeps it waiting, everybody waits.
    """
    world = await make_world(throughput=LEVEL, limits={MIDDLE: 100_000})
    spam, shop = await app(world, "spam"), await app(world, "bank")
    customers = audience(20, start=500_000)
    for user in customers:
        await world.steer("/inbound", {"phone_number_id": MIDDLE, "from": user[1:], "text": "hi"})
    await world.flush()
    got = Counter[str]()
    flooding = asyncio.create_task(flood(world, spam, users(), 400, got))
    codes, replies = [], []
    async with measured_lag() as lag:
        for number, user in zip(range(60), users(900_000), strict=False):
            body = code_body(user, f"{number:06d}")
            codes.append(await world.send(MIDDLE, body, key=shop))
            answer_to = customers[number % len(customers)]
            replies.append(await world.send(MIDDLE, text_body(answer_to, f"{number}"), key=shop))
    metrics = (await world.call("GET", f"{world.admin_url}/metrics")).body.decode()
    flooding.cancel()
    await asyncio.gather(flooding, return_exceptions=True)
    assert {answer.status for answer in (*codes, *replies)} == {200}, (codes, replies)
    assert percentile([waited_s(answer) for answer in codes], 0.99) <= 1 + lag.most_s
    assert percentile([waited_s(answer) for answer in replies], 0.99) <= 2 + lag.most_s
    assert 'gateway_line_wait_seconds_count{send_class="marketing"}' in metrics
    assert re.search(r'gateway_line_waiting{send_class="marketing"} [1-9]', metrics)
    assert got[f"{spam}:200"] > 200, "the campaign goes on meanwhile"
    assert got[f"{spam}:429"] > 0, "and is told that there is more than fits"


async def test_equal_apps_get_the_same(make_world: MakeWorld) -> None:
    """Jain's index of fairness is 1 when all get the same, 1/n when one gets everything."""
    world = await make_world(throughput=LEVEL, limits={MIDDLE: 100_000})
    keys = [await app(world, f"shop-{number}") for number in range(3)]
    got = Counter[str]()
    flooding = [
        asyncio.create_task(flood(world, key, users(1 + 1_000_000 * number), callers, got))
        for number, (key, callers) in enumerate(zip(keys, (300, 80, 80), strict=True))
    ]
    # The first to come have the line for themselves; then everybody wants more than a third.
    await until(lambda: _each_has(got, keys, 20), "a line of all three")
    before = [got[f"{key}:200"] for key in keys]
    await until(lambda: _each_has(got, keys, 150), "some hundred messages", 60)
    shares = [got[f"{key}:200"] - had for key, had in zip(keys, before, strict=True)]
    for task in flooding:
        task.cancel()
    await asyncio.gather(*flooding, return_exceptions=True)
    assert sum(shares) ** 2 / (len(shares) * sum(each**2 for each in shares)) >= 0.98, shares


async def _each_has(got: Counter[str], keys: Sequence[str], least: int) -> bool:
    return all(got[f"{key}:200"] >= least for key in keys)


async def test_a_reserve_is_there_however_much_another_wants(make_world: MakeWorld) -> None:
    world = await make_world(limits={MIDDLE: 200})
    await world.call(
        "PATCH",
        f"{world.admin_url}/admin/v1/pools/{MIDDLE}",
        json={"shares": {"app:bank": {"reserve": 0.3}}},
        headers={"Authorization": f"Bearer {world.keys.admin_key}"},
    )
    bank = await app(world, "bank")
    greedy = await asyncio.gather(*(world.template(MIDDLE, user) for user in audience(250)))
    assert Counter(answer.status for answer in greedy) == {200: 190 - 60, 429: 120}
    assert {answer.rule for answer in greedy if answer.status == 429} == {"share"}
    own = [await world.template(MIDDLE, user, key=bank) for user in audience(60, start=1000)]
    assert {answer.status for answer in own} == {200}
    assert await world.violations() == []
