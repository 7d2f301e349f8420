import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from gateway.web.auth import Authenticator, Caller
from tests.builders import template_body
from tests.web.wire import request_bytes
from tests.world import DAY_S, SHARED, SMALL, Answer, MakeWorld, World, until

NUMBER, OTHER_NUMBER = SHARED[:2]
ANA, BEN = "+34600000001", "+34600000002"
BODY: Final = json.dumps(template_body(ANA)).encode()


async def slow_cloud(world: World) -> None:
    """Let Meta answer so late that requests overlap for certain."""
    await world.steer("/knobs", {"answer_delay_s": 1.0})


async def in_flight(world: World, count: int = 1) -> None:
    """Wait until so many messages are on their way to Meta."""

    async def reserved() -> bool:
        return len((await world.admin("/messages?state=reserved"))["messages"]) == count

    await until(reserved, f"{count} messages in flight")


async def give_up(world: World, body: bytes) -> None:
    """Send, and close the connection while the answer is still to come."""
    address = urlsplit(world.data_url)
    path = f"/v25.0/{NUMBER}/messages"
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(request_bytes("POST", path, body, key=world.keys.app_key))
    await in_flight(world)
    writer.close()
    await writer.wait_closed()


async def journal(world: World) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = (await world.admin("/messages"))["messages"]
    return messages


def wamid(answer: Answer) -> str:
    found: str = answer.json["messages"][0]["id"]
    return found


def joined(answers: Sequence[Answer]) -> int:
    return sum("Gateway-Joined" in answer.headers for answer in answers)


async def test_who_loses_patience_and_sends_again_has_sent_one_message(world: World) -> None:
    await slow_cloud(world)
    await give_up(world, BODY)
    retry = await world.send(NUMBER, BODY)

    (seen,) = await world.sends()
    (message,) = await journal(world)
    assert (retry.status, wamid(retry)) == (200, seen["wamid"])
    assert retry.headers["Gateway-Joined"] == message["message_id"]
    assert retry.headers["Gateway-Message-Id"] == message["message_id"]
    await world.flush()
    await world.state_of(retry, "delivered")


async def test_who_loses_patience_again_and_again_has_sent_one_message(world: World) -> None:
    await slow_cloud(world)
    for _ in range(3):
        await give_up(world, BODY)
    assert joined([await world.send(NUMBER, BODY)]) == 1
    assert len(await world.sends()) == 1


async def test_fifty_identical_requests_at_once_are_one_message(world: World) -> None:
    await slow_cloud(world)
    answers = await asyncio.gather(*(world.send(NUMBER, BODY) for _ in range(50)))
    (seen,) = await world.sends()
    assert {(answer.status, wamid(answer)) for answer in answers} == {(200, seen["wamid"])}
    assert joined(answers) == 49


async def test_a_refusal_of_meta_is_told_to_all_who_have_asked(world: World) -> None:
    await slow_cloud(world)
    await world.fault("error", code=131026)
    answers = await asyncio.gather(*(world.send(NUMBER, BODY) for _ in range(3)))
    assert {(answer.status, answer.code) for answer in answers} == {(400, 131026)}
    assert len({answer.body for answer in answers}) == 1
    assert joined(answers) == 2
    assert len(await world.sends()) == 1


async def test_the_same_message_is_another_once_the_first_is_answered(world: World) -> None:
    answers = [await world.send(NUMBER, BODY) for _ in range(2)]
    assert [wamid(answer) for answer in answers] == [
        seen["wamid"] for seen in await world.accepted()
    ]
    assert len(await world.accepted()) == 2
    assert joined(answers) == 0


async def test_a_retry_after_429_is_decided_anew(make_world: MakeWorld) -> None:
    world = await make_world(limits={SMALL: 2}, still=True)
    await world.template(SMALL, ANA)
    refused = [await world.template(SMALL, BEN) for _ in range(2)]
    assert [answer.status for answer in refused] == [429, 429]
    assert len({answer.headers["Gateway-Message-Id"] for answer in refused}) == 2
    await world.advance(float(refused[-1].headers["Retry-After"]))
    assert float(refused[-1].headers["Retry-After"]) == DAY_S
    assert (await world.template(SMALL, BEN)).status == 200


async def test_other_apps_numbers_bytes_and_keys_of_idempotency_do_not_join(world: World) -> None:
    other_key = (await world.admin("/apps", {"app_id": "other", "name": "Other"}))["key"]
    await slow_cloud(world)
    sending = asyncio.gather(
        world.send(NUMBER, BODY),
        world.send(NUMBER, BODY, key=other_key),
        world.send(OTHER_NUMBER, BODY),
        world.send(NUMBER, BODY + b" "),
        world.send(NUMBER, BODY, headers={"Idempotency-Key": "mine"}),
    )
    await in_flight(world, 5)
    answers = await sending
    assert len({wamid(answer) for answer in answers}) == len(await world.accepted()) == 5
    assert joined(answers) == 0


async def test_an_app_that_does_not_want_it_has_sent_two_messages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognise = Authenticator.caller

    def each_for_itself(self: Authenticator, request: web.BaseRequest) -> Caller:
        return recognise(self, request)._replace(joins_retries=False)

    monkeypatch.setattr(Authenticator, "caller", each_for_itself)
    await slow_cloud(world)
    sending = asyncio.gather(*(world.send(NUMBER, BODY) for _ in range(2)))
    await in_flight(world, 2)
    answers = await sending
    assert len({wamid(answer) for answer in answers}) == len(await world.accepted()) == 2
    assert joined(answers) == 0
