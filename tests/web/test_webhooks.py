import io
import json

import pytest

from gateway.store.errors import StoreUnavailableError
from tests.builders import envelope, signature
from tests.world import MakeWorld, World

BODY = envelope("messages", {"messaging_product": "whatsapp"})


async def deliver(world: World, body: bytes, headers: dict[str, str]) -> int:
    url = f"{world.data_url}/webhooks/whatsapp"
    return (await world.call("POST", url, data=body, headers=headers)).status


async def kept(world: World) -> int:
    """Count the deliveries in the inbox, digested or not."""
    async with world.database.connection() as connection:
        count: int = await connection.fetchval("select count(*) from inbox")
    return count


async def verify(world: World, **query: str) -> tuple[int, bytes]:
    url = f"{world.data_url}/webhooks/whatsapp"
    params = {f"hub.{name}": value for name, value in query.items()}
    answer = await world.call("GET", url, params=params)
    return answer.status, answer.body


async def test_the_challenge_is_answered_to_who_knows_the_token(world: World) -> None:
    token = world.keys.verify_token
    right = await verify(world, mode="subscribe", verify_token=token, challenge="1158201444")
    assert right == (200, b"1158201444")
    for query in (
        {"mode": "subscribe", "verify_token": "other", "challenge": "1"},
        {"mode": "unsubscribe", "verify_token": token, "challenge": "1"},
        {"mode": "subscribe", "challenge": "1"},
        {"challenge": "1"},
    ):
        status, body = await verify(world, **query)
        assert (status, body == b"1") == (403, False), query


async def test_without_a_token_of_our_own_nobody_is_verified(make_world: MakeWorld) -> None:
    world = await make_world(settings={"verify_token": None})
    for token in ("", "None"):
        assert (await verify(world, mode="subscribe", verify_token=token))[0] == 403


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha1=" + "0" * 40,
        signature("another-secret", BODY)["X-Hub-Signature-256"],
        signature("", BODY)["X-Hub-Signature-256"],
    ],
)
async def test_a_delivery_that_is_not_signed_by_meta_is_401_and_not_kept(
    world: World, header: str | None
) -> None:
    headers = {} if header is None else {"X-Hub-Signature-256": header}
    assert await deliver(world, BODY, headers) == 401
    assert await kept(world) == 0


async def test_a_signature_is_good_for_its_own_bytes_only(world: World) -> None:
    headers = signature(world.keys.app_secret, BODY)
    assert await deliver(world, BODY + b" ", headers) == 401
    assert await deliver(world, BODY, headers) == 200
    assert await kept(world) == 1


async def test_during_a_rotation_both_secrets_are_good(make_world: MakeWorld) -> None:
    world = await make_world(settings={"app_secrets": ["new-secret", "old-secret"]})
    for secret, status in (("new-secret", 200), ("old-secret", 200), ("older-secret", 401)):
        assert await deliver(world, BODY, signature(secret, BODY)) == status, secret


async def test_a_signed_delivery_is_kept_whatever_is_in_it(world: World) -> None:
    bodies = [b"", b"not JSON", b"\x00\xff", json.dumps([1]).encode(), b'{"entry": "\\u0000"}']
    for body in bodies:
        assert await deliver(world, body, signature(world.keys.app_secret, body)) == 200
    assert await kept(world) == len(bodies)
    await world.flush()
    problems = (await world.admin("/inbox/problems"))["problems"]
    assert len(problems) == len(bodies)
    assert {each["body"] for each in problems} >= {"", "not JSON", "[1]"}


async def test_a_delivery_of_three_megabytes_is_taken_and_one_of_five_is_not(world: World) -> None:
    for megabytes, status in ((3, 200), (5, 413)):
        body = b'{"x":"' + b"y" * megabytes * 1_000_000 + b'"}'
        headers = signature(world.keys.app_secret, body)

        url = f"{world.data_url}/webhooks/whatsapp"
        answer = await world.call("POST", url, data=io.BytesIO(body), headers=headers)
        assert answer.status == status


async def test_with_the_database_away_meta_is_told_to_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr("gateway.store.inbox.append", away)
        assert await deliver(world, BODY, signature(world.keys.app_secret, BODY)) == 503
    assert await deliver(world, BODY, signature(world.keys.app_secret, BODY)) == 200


async def test_other_methods_are_not_allowed(world: World) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        answer = await world.call(method, f"{world.data_url}/webhooks/whatsapp")
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST")
