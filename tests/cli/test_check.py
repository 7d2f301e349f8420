from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.cli.command import Run
from tests.postgres import at_database
from tests.web.wire import FakeCloud

NEEDED = ("admin_key", "app_secrets", "verify_token", "vault_key")
SECRETS = dict.fromkeys(NEEDED, "made-up-secret") | {"app_secrets": '["made-up-secret"]'}


@pytest.fixture
async def cloud_url() -> AsyncIterator[str]:
    """Return the address of something that answers."""
    cloud = await FakeCloud().start()
    cloud.script = refuse
    yield cloud.url
    await cloud.stop()


async def refuse(_request: web.Request, _body: bytes) -> web.StreamResponse:
    return web.Response(status=400)


async def test_with_everything_right_the_gateway_can_serve(
    run: Run, database_url: str, cloud_url: str
) -> None:
    done = await run("check", database_url=database_url, cloud_url=cloud_url, **SECRETS)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == ["ok       the gateway can serve"]


async def test_what_is_not_set_is_a_warning_not_a_problem(
    run: Run, database_url: str, cloud_url: str
) -> None:
    done = await run("check", database_url=database_url, cloud_url=cloud_url)
    assert done.code == 0
    warned = [line for line in done.out.splitlines() if line.startswith("warning  ")]
    assert [line.split()[1] for line in warned] == [f"GATEWAY_{name.upper()}" for name in NEEDED]


async def test_every_problem_is_named_on_a_line_of_its_own(run: Run) -> None:
    done = await run(
        "check",
        database_url="postgresql://gateway:made-up-secret@127.0.0.1:1/x",
        cloud_url="http://127.0.0.1:1",
        **SECRETS,
    )
    problems = done.out.splitlines()
    assert (done.code, done.err, len(problems)) == (1, "", 2)
    assert problems[0].startswith("PROBLEM  database: ")
    assert problems[1].startswith("PROBLEM  GATEWAY_CLOUD_URL cannot be reached")
    assert "made-up-secret" not in done.out


async def test_a_database_that_is_not_there_or_not_migrated_is_a_problem(
    run: Run, database_url: str, postgres_url: str, cloud_url: str
) -> None:
    for url, says in (
        (at_database(database_url, "not_there"), "does not exist"),
        (postgres_url, "run `gateway migrate`"),
    ):
        done = await run("check", database_url=url, cloud_url=cloud_url, **SECRETS)
        assert (done.code, done.err, says in done.out) == (1, "", True), done


async def test_settings_that_make_no_sense_are_named_one_a_line(run: Run) -> None:
    done = await run("check", port="many", wait_s="-1", database_url="mysql://u:made-up-secret@h/x")
    assert done.code == 1
    lines = done.err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "GATEWAY_DATABASE_URL",
        "GATEWAY_PORT",
        "GATEWAY_WAIT_S",
    ]
    assert "made-up-secret" not in done.err
