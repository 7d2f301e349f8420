"""The same seed, scenario and calls give the same answers and the same webhooks, byte for byte."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.emulator import Emulator
from gateway.emulator.steering import scenario as scenarios

CALLS = 200
TOKEN = "made-up-token"
NUMBERS = ("200000000000001", "200000000000002")
STORY = """
start = 2026-11-02T09:00:00Z
speed = 0

[knobs]
jitter = 0.5
status_delay_s = 2.0
delivered_after_s = 5.0
read_after_s = 30.0
read = true
reorder_rate = 0.2
drop_rate = 0.05
duplicate_rate = 0.1
shuffle_validation = true

[[faults]]
action = "error"
code = 131000
probability = 0.1

[[faults]]
action = "accept_then_fail"
code = 131026
probability = 0.1

[[events]]
at = "20m"
number = { phone_number_id = "200000000000001", quality_rating = "RED" }

[[events]]
at = "30m"
inbound = { phone_number_id = "200000000000002", from = "+34600000003" }

[[events]]
at = "40m"
template = { name = "promo", quality = "RED" }

[[events]]
at = "1h"
user = { phone = "34600000004", offline = true }

[[events]]
at = "2h"
user = { phone = "34600000004", offline = false }

[[events]]
at = "3h"
restriction = { waba_id = "100000000000001", restriction_type = "X", duration_s = 600 }

[[events]]
at = "4h"
disarm = true

[world]
tokens = [{ token = "made-up-token", waba_ids = ["100000000000001"] }]
portfolios = [{ id = "400000000000001", messaging_limit = 20 }]
population = { opted_in = 0.5, answering = 0.3, irritability = 3.0 }

[[world.numbers]]
phone_number_id = "200000000000001"
display_phone_number = "+1 555-000-1001"
waba_id = "100000000000001"
portfolio_id = "400000000000001"

[[world.numbers]]
phone_number_id = "200000000000002"
display_phone_number = "+1 555-000-1002"
waba_id = "100000000000001"
regime = "per_number"
messaging_limit = 10

[[world.templates]]
id = "600000000000001"
waba_id = "100000000000001"
name = "promo"

[[world.templates]]
id = "600000000000002"
waba_id = "100000000000001"
name = "order"
category = "UTILITY"

[[world.users]]
phone = "34600000001"
not_on_whatsapp = true

[[world.users]]
phone = "34600000002"
marketing_stopped = true
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one run answered, and what it told its webhook."""

    answers: list[tuple[int, bytes]] = field(default_factory=list)
    webhooks: list[tuple[bytes, str]] = field(default_factory=list)


@asynccontextmanager
async def receiving(heard: Heard) -> AsyncIterator[str]:
    async def take(request: web.Request) -> web.Response:
        heard.webhooks.append((await request.read(), request.headers["X-Hub-Signature-256"]))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("/hook"))
    await server.close()


def script() -> list[tuple[str, str, dict[str, Any]]]:
    """Draw the calls: sends of several kinds, users who write, changes, steps of the clock."""
    drawn = random.Random(7)  # noqa: S311 - the same calls every time
    return [call_of(drawn) for _ in range(CALLS)]


def call_of(drawn: random.Random) -> tuple[str, str, dict[str, Any]]:
    number, user = drawn.choice(NUMBERS), f"+3460000000{drawn.randrange(10)}"
    message: dict[str, Any] = {"messaging_product": "whatsapp", "to": user, "type": "template"}
    match drawn.choice(["template"] * 5 + ["text", "text", "inbound", "clock", "clock", "report"]):
        case "template":
            name = drawn.choice(["promo", "order", "nobody"])
            message |= {"template": {"name": name, "language": {"code": "en_US"}}}
            return "POST", f"/v25.0/{number}/messages", message
        case "text":
            message |= {"type": "text", "text": {"body": "hello"}}
            return "POST", f"/v25.0/{number}/messages", message
        case "inbound":
            return "POST", "/_emulator/inbound", {"phone_number_id": number, "from": user}
        case "clock":
            return "POST", "/_emulator/clock", {"advance_s": drawn.choice([0.1, 60, 900])}
        case _:
            return "GET", "/_emulator/report", {}


async def played(seed: int, times: int = 1) -> list[Heard]:
    """Play the story against the script, with a reset before every further time."""
    scenario = scenarios.parse(STORY, "story.toml")
    heard = Heard()
    async with receiving(heard) as url:
        world = scenario.world.model_copy(update={"webhook_url": url})
        changes = {"world": world, "seed": seed}
        emulator = Emulator.playing(scenario.model_copy(update=changes))
        async with TestClient(TestServer(emulator.application())) as client:
            stories = [await called(client, heard)]
            for _ in range(times - 1):
                await client.post("/_emulator/reset")
                stories.append(await called(client, heard))
    return stories


async def called(client: TestClient[Any, Any], heard: Heard) -> Heard:
    """Make all calls; every webhook has been taken at the end."""
    heard.answers.clear()
    heard.webhooks.clear()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for method, path, body in script():
        answer = await client.request(method, path, json=body, headers=headers)
        if method == "POST":  # how many webhooks are on their way is a matter of real time
            heard.answers.append((answer.status, await answer.read()))
    await client.post("/_emulator/clock", json={"advance_s": 7 * 86_400})
    flushed = await client.post("/_emulator/webhooks/flush")
    assert await flushed.json() == {"pending": 0}
    return Heard(list(heard.answers), list(heard.webhooks))


def accepted(heard: Heard) -> set[bytes]:
    return {body for _, body in heard.answers if b"wamid" in body}


async def test_the_same_seed_tells_the_same_story_and_another_seed_another() -> None:
    (one,), (same,), (other,) = [await played(seed) for seed in (0, 0, 2)]
    assert len(one.answers) > CALLS / 2
    assert len(one.webhooks) > CALLS / 10
    assert {status for status, _ in one.answers} >= {200, 400}
    assert one.answers == same.answers
    assert one.webhooks == same.webhooks
    assert accepted(one)
    assert not accepted(one) & accepted(other)
    assert one.webhooks != other.webhooks


async def test_a_reset_tells_the_same_story_again() -> None:
    first, second = await played(seed=1, times=2)
    assert first == second
    assert first.webhooks
