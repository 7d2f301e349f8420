from datetime import timedelta
from uuid import UUID

import pytest

from tests.outage import Server
from tests.web.wire import assert_in_metas_shape
from tests.world import SMALL, Answer, Options, World, running_world

ANA = "+34600000001"


async def ask(world: World, given: str, method: str = "GET", key: str | None = None) -> Answer:
    headers = {"Authorization": f"Bearer {key or world.keys.app_key}"}
    return await world.call(method, f"{world.data_url}/v1/messages/{given}", headers=headers)


def names(message_id: str) -> list[str]:
    """Return how an app may name a message."""
    dashed = "-".join(
        message_id[start:end] for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    )
    return [message_id, f"gw1.{message_id}", dashed, message_id.upper()]


async def test_a_message_is_found_by_every_form_of_our_id(faked: World) -> None:
    sent = await faked.template(SMALL, ANA)
    message_id = (await faked.state_of(sent, "accepted"))["message_id"]
    for name in names(message_id):
        answer = await ask(faked, name)
        assert (answer.status, answer.json["id"]) == (200, message_id)
        assert answer.json["wamid"] == sent.json["messages"][0]["id"]
        assert ANA[1:] not in answer.body.decode()


@pytest.mark.parametrize("given", ["", "wamid.1", "0" * 32, "gw1.", "%00", "a/b"])
async def test_what_is_no_message_of_the_app_is_not_found(faked: World, given: str) -> None:
    answer = await ask(faked, given)
    assert (answer.status, answer.rule) == (404, "account")
    assert_in_metas_shape(answer)


async def test_who_is_nobody_is_told_nothing(faked: World) -> None:
    message_id = (await faked.template(SMALL, ANA)).headers["Gateway-Message-Id"]
    answer = await ask(faked, message_id, key="gw_made-up")
    assert (answer.status, answer.rule) == (401, "auth")
    assert_in_metas_shape(answer)


async def test_a_stranger_with_a_token_of_meta_finds_what_strangers_sent(faked: World) -> None:
    token = "EAAstranger"
    sent = await faked.template(SMALL, ANA, key=token)
    message_id = sent.headers["Gateway-Message-Id"]
    assert (await ask(faked, message_id, key=token)).status == 200
    assert (await ask(faked, message_id)).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_other_methods_are_refused(faked: World, method: str) -> None:
    answer = await ask(faked, "0" * 32, method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, DELETE")
    assert_in_metas_shape(answer)


async def parked(world: World, state: str = "parked", leased_by: UUID | None = None) -> str:
    """Have a message wait, in a state of its parcel, claimed or not; return its id."""
    at = (world.clock.now() + timedelta(hours=1)).isoformat()
    answer = await world.template(SMALL, ANA, headers={"Gateway-Send-At": at})
    async with world.database.connection() as connection:
        await connection.execute(
            "update outbox set state = $1, leased_by = $2, leased_until = $3",
            state,
            leased_by,
            world.clock.now() + timedelta(hours=1) if leased_by else None,
        )
    return answer.headers["Gateway-Message-Id"]


async def parcels(world: World) -> int:
    async with world.database.connection() as connection:
        count: int = await connection.fetchval("select count(*) from outbox")
    return count


@pytest.mark.parametrize("state", ["parked", "held"])
async def test_what_waits_is_called_off_once(faked: World, state: str) -> None:
    message_id = await parked(faked, state)
    answer = await ask(faked, message_id, "DELETE")
    assert (answer.status, answer.json["state"]) == (200, "cancelled")
    assert (await faked.admin(f"/messages/{message_id}"))["state"] == "cancelled"
    assert await parcels(faked) == 0
    assert (await ask(faked, message_id, "DELETE")).status == 409


@pytest.mark.parametrize(
    ("state", "leased_by"), [("parked", UUID(int=1)), ("sending", None), ("dead", None)]
)
async def test_what_is_claimed_on_its_way_or_dead_is_not_called_off(
    faked: World, state: str, leased_by: UUID | None
) -> None:
    message_id = await parked(faked, state, leased_by)
    answer = await ask(faked, message_id, "DELETE")
    assert answer.status == 409
    assert_in_metas_shape(answer)
    if leased_by:
        assert (answer.rule, answer.headers["Retry-After"]) == ("claimed", "5")
    assert await parcels(faked) == 1


async def test_what_was_parked_by_a_clock_that_is_ahead_is_called_off(faked: World) -> None:
    message_id = await parked(faked)
    async with faked.database.connection() as connection:
        await connection.execute("update outbox set parked_at = parked_at + interval '1 minute'")
        await connection.execute(
            "update messages set created_at = created_at + interval '1 minute'"
        )
    assert (await ask(faked, message_id, "DELETE")).status == 200


async def test_what_has_left_cannot_be_called_off(faked: World) -> None:
    sent = await faked.template(SMALL, ANA)
    message_id = (await faked.state_of(sent, "accepted"))["message_id"]
    answer = await ask(faked, message_id, "DELETE")
    assert (answer.status, answer.rule) == (409, "accepted")
    assert_in_metas_shape(answer)


async def test_without_a_database_nobody_is_told(server: Server) -> None:
    async with running_world(server.url, Options()) as world:
        sent = await world.template(SMALL, ANA)
        await server.stop()
        answer = await ask(world, sent.headers["Gateway-Message-Id"])
        assert (answer.status, answer.rule) == (503, "outage")
        await server.start()
