from typing import Any

import pytest

from gateway.cli import demo
from tests.gateway_process import StartProcess
from tests.web.asking import ask, assert_refused
from tests.world import MakeWorld, World

URL = "https://shop.example/told"


async def test_nothing_is_owed_to_begin_with(faked: World) -> None:
    assert await faked.admin("/callbacks") == {"counts": [], "callbacks": []}
    assert await faked.admin("/callbacks/redrive", {}) == {"affected": 0}


@pytest.mark.parametrize("query", ["?gave_up=perhaps", "?limit=0", "?colour=red"])
async def test_what_is_no_filter_is_refused(faked: World, query: str) -> None:
    answer = await ask(faked, "GET", f"/callbacks{query}")
    assert answer.status == 400
    assert query[1:].partition("=")[0] in answer.body.decode()


async def test_a_secret_is_shown_once_when_it_is_made_up_and_never_when_given(
    faked: World,
) -> None:
    path = f"/apps/{demo.APP}"
    first = (await ask(faked, "PATCH", path, {"callback_url": URL})).json
    assert first["callback_secret"].startswith("whsec_")
    again = (await ask(faked, "PATCH", path, {"callback_url": URL + "/2"})).json
    assert (again["callback_url"], "callback_secret" in again) == (URL + "/2", False)
    given = (await ask(faked, "PATCH", path, {"callback_secret": first["callback_secret"]})).json
    assert "callback_secret" not in given
    assert first["callback_secret"] not in (await ask(faked, "GET", "/apps")).body.decode()
    gone = (await ask(faked, "PATCH", path, {"callback_url": None})).json
    assert gone["callback_url"] is None
    another = (await ask(faked, "PATCH", path, {"callback_url": URL})).json
    assert another["callback_secret"] != first["callback_secret"]


async def test_outside_a_sandbox_what_leaves_the_machine_has_to_be_https(
    make_world: MakeWorld, start_process: StartProcess
) -> None:
    world = await make_world(gateway=False, polled=False)
    world.admin_url = (await start_process(world, sandbox=False)).admin_url
    for url, status in (
        ("http://shop.example/told", 400),
        ("http://127.0.0.1.shop.example/told", 400),
        ("https://shop.example/told", 200),
        ("http://127.0.0.1:9000/told", 200),
        ("http://localhost/told", 200),
    ):
        answer = await ask(world, "PATCH", f"/apps/{demo.APP}", {"callback_url": url})
        assert answer.status == status, url


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"callback_url": "ftp://shop.example/"}, "callback_url"),
        ({"callback_url": "shop"}, "callback_url"),
        ({"callback_url": URL, "callback_secret": "whsec_short"}, "callback_secret"),
        ({"callback_url": URL, "callback_secret": "A" * 33}, "callback_secret"),
    ],
)
async def test_what_makes_no_sense_is_refused(faked: World, body: Any, names: str) -> None:
    await assert_refused(faked, ("PATCH", f"/apps/{demo.APP}", body), 400, names)
