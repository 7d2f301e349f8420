"""What an app asks about a message by its id, or calls off, loses nothing and doubles nothing."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any, Final

from tests.builders import template_body
from tests.journeys.campaign import audience
from tests.outage import Server
from tests.world import SMALL, Answer, Options, World, running_world, until

ANA: Final = "+34600000001"
IMPATIENT: Final = Options(settings={"database_timeout_s": 1.0, "cloud_timeout_s": 0.5})


async def own(world: World, method: str, answer: Answer, key: str | None = None) -> Answer:
    """Ask about the message that was answered so, or call it off."""
    url = f"{world.data_url}/v1/messages/{answer.headers['Gateway-Message-Id']}"
    headers = {"Authorization": f"Bearer {key or world.keys.app_key}"}
    return await world.call(method, url, headers=headers)


async def scheduled(world: World, user: str = ANA, **more: Any) -> Answer:
    at = (world.clock.now() + timedelta(hours=2)).isoformat()
    headers = {"Gateway-Send-At": at}
    answer = await world.send(SMALL, template_body(user), headers=headers, **more)
    assert answer.status == 202
    return answer


async def test_who_asks_during_an_outage_is_not_told_that_nothing_was_sent(server: Server) -> None:
    """It is asked of a message that may have been: the app would send it again."""
    async with running_world(server.url, IMPATIENT) as world:
        await world.fault("accept_then_timeout", times=1)
        answer = await world.send(SMALL, template_body(ANA))
        assert answer.status == 504
        assert len(await world.accepted(SMALL)) == 1
        await server.stop()
        told = [await own(world, method, answer) for method in ("GET", "DELETE")]
        await server.start()
        assert [each.status for each in told] == [503, 503]
        assert not any(b"nothing was sent" in each.body for each in told)


async def test_a_stranger_calls_off_no_message_of_another(world: World) -> None:
    """Any token makes a stranger; the id stands in Meta's webhooks, too, for all who get them."""
    answer = await scheduled(world, key="EAAG-of-one")
    assert (await own(world, "DELETE", answer, key="EAAG-of-another")).status == 404
    assert (await world.message(answer))["state"] == "parked"


async def test_another_app_neither_sees_nor_calls_off(world: World) -> None:
    answer = await scheduled(world)
    added = await world.admin("/apps", {"app_id": "other", "name": "Other"})
    for method in ("GET", "DELETE"):
        assert (await own(world, method, answer, key=added["key"])).status == 404
    assert (await world.message(answer))["state"] == "parked"


async def test_what_is_called_off_while_it_is_released_is_either_sent_or_not(world: World) -> None:
    people = audience(60)
    answers = [await scheduled(world, user) for user in people]
    early = [await own(world, "DELETE", each) for each in answers[:10]]
    advancing = asyncio.create_task(world.advance(7201))
    racing = await asyncio.gather(*(own(world, "DELETE", each) for each in answers[10:50]))
    await advancing

    async def all_ended() -> bool:
        async with world.database.connection() as connection:
            waiting: int = await connection.fetchval("select count(*) from outbox")
        return waiting == 0

    await until(all_ended, "nothing waits any more")
    late = [await own(world, "DELETE", each) for each in answers[50:]]
    statuses = [each.status for each in (*early, *racing, *late)]
    assert (set(statuses[:10]), set(statuses[50:])) == ({200}, {409})
    sent = Counter(each["user"] for each in await world.accepted(SMALL))
    for user, status in zip(people, statuses, strict=True):
        assert sent[user.removeprefix("+")] == (0 if status == 200 else 1)
