from typing import Any

import pytest

from gateway.store.errors import StoreUnavailableError
from tests.web.asking import ask, assert_refused
from tests.world import SMALL, MakeWorld, World

GETS = (
    "/numbers",
    f"/numbers/{SMALL}",
    "/pools",
    f"/pools/{SMALL}",
    "/apps",
    "/messages",
    "/inbox/problems",
)


async def test_nothing_opens_without_the_admin_key(world: World) -> None:
    everything = [("GET", path) for path in GETS]
    everything += [("POST", path) for path in ("/numbers", "/apps", "/pools/1", "/sandbox/clock")]
    everything += [("PATCH", path) for path in (f"/numbers/{SMALL}", f"/pools/{SMALL}", "/apps/1")]
    everything += [("GET", "/nothing"), ("DELETE", "/numbers")]
    for method, path in everything:
        for key in ("", "wrong", world.keys.app_key, world.keys.admin_key + "x"):
            answer = await ask(world, method, path, key=key)
            assert answer.status == 401, (method, path)
            assert "admin key" in answer.json["error"]["message"]
    assert (await world.call("GET", f"{world.admin_url}/admin/v1/numbers")).status == 401


async def test_without_a_key_of_our_own_the_admin_api_is_shut(make_world: MakeWorld) -> None:
    world = await make_world(settings={"admin_key": None})
    for key in ("", "None", world.keys.admin_key):
        assert (await ask(world, "GET", "/numbers", key=key)).status == 401


async def test_every_answer_is_json(world: World) -> None:
    for path in GETS:
        answer = await ask(world, "GET", path)
        assert answer.headers["Content-Type"].startswith("application/json"), path


async def test_what_is_unknown_is_404_and_json(world: World) -> None:
    for method, path in (
        ("GET", "/numbers/1"),
        ("GET", "/pools/1"),
        ("GET", f"/messages/{'0' * 32}"),
        ("GET", "/nothing"),
        ("DELETE", "/numbers"),
        ("GET", "/"),
    ):
        answer = await ask(world, method, path)
        assert (answer.status, bool(answer.json["error"]["message"])) == (404, True), path


@pytest.mark.parametrize(
    ("body", "status", "names"),
    [
        (b"", 400, "body"),
        (b"not JSON", 400, "body"),
        ([], 400, "body"),
        ({"app_id": "shop"}, 400, "name"),
        (b"{" * 100_000, 400, "body"),
        (b'"' + b"x" * 2_000_000 + b'"', 413, "large"),
    ],
)
async def test_a_body_that_makes_no_sense_is_refused_and_says_why(
    world: World, body: Any, status: int, names: str
) -> None:
    await assert_refused(world, ("POST", "/apps", body), status, names)


async def test_what_no_database_can_look_for_is_not_asked_for(world: World) -> None:
    for path in ("/messages?user_id=%00", "/numbers/%00", "/pools/%00"):
        answer = await ask(world, "GET", path)
        assert (answer.status, "NUL" in answer.json["error"]["message"]) == (400, True), path


async def test_with_the_database_away_it_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise StoreUnavailableError("gone")

    monkeypatch.setattr(world.gateway.database, "connection", away)
    for path in GETS:
        answer = await ask(world, "GET", path)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5"), path
