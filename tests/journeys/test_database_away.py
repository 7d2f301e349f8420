import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.cli.embedded_postgres import EmbeddedPostgres
from gateway.store.migrate import migrate
from tests.postgres import SETTINGS
from tests.world import PORTFOLIO, SHARED, SMALL, Options, World, running_world, until

CUSTOMER = "+34600000001"
NEWCOMER = "+34600000002"
IMPATIENT = Options(settings={"database_timeout_s": 1.0})


class Server:
    """A PostgreSQL of the test's own, always at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._door = folder / "door"
        self._running: EmbeddedPostgres | None = None
        self.url = f"postgresql://postgres@/postgres?host={self._door}&port=5432"

    async def start(self) -> None:
        """Start on the same folder as before."""
        self._running = await asyncio.to_thread(
            EmbeddedPostgres.start, self._folder / "data", settings=SETTINGS
        )
        self._door.unlink(missing_ok=True)
        self._door.symlink_to(self._running.url.partition("host=")[2].partition("&")[0])

    async def stop(self) -> None:
        """Stop, as a server does that goes down in good order."""
        if self._running is not None:
            await asyncio.to_thread(self._running.stop)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    # The address of a socket has to be short, and a test's own folder is not.
    folder = Path(tempfile.mkdtemp(prefix="gw-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def server(short_folder: Path) -> AsyncIterator[Server]:
    server = Server(short_folder)
    await server.start()
    await migrate(server.url)
    try:
        yield server
    finally:
        await server.stop()


async def test_without_a_database_templates_are_refused_and_replies_pass_until_it_is_back(
    server: Server,
) -> None:
    async with running_world(server.url, IMPATIENT) as world:
        await world.inbound(SMALL, CUSTOMER)
        assert (await world.template(SHARED[0], CUSTOMER)).status == 200
        await world.flush()
        before = len(await world.sends())

        await server.stop()
        for _ in range(2):
            await assert_fails_closed(world)
        assert (await world.text(SMALL, CUSTOMER)).status == 200
        new = (await world.sends())[before:]
        assert [each["type"] for each in new] == ["text"]

        await server.start()
        answer = await until(lambda: taken(world), "a template that is sent")
        await world.flush()
        await world.state_of(answer, "delivered")
        assert await world.counted(PORTFOLIO) == 2
        assert await world.violations() == []


async def assert_fails_closed(world: World) -> None:
    refused = await world.template(SHARED[0], NEWCOMER)
    assert (refused.status, refused.code) == (503, 133004)
    assert refused.headers["Gateway-Decision"] == "defer"
    assert refused.rule == "outage"
    assert int(refused.headers["Retry-After"]) > 0
    error = refused.json["error"]
    assert error["type"] == "OAuthException"
    assert error["error_data"]["messaging_product"] == "whatsapp"
    assert error["fbtrace_id"] == refused.headers["Gateway-Message-Id"]


async def taken(world: World) -> object:
    answer = await world.template(SHARED[0], NEWCOMER)
    return answer if answer.status == 200 else None


async def test_an_answer_that_came_while_the_database_was_away_is_written_when_it_is_back(
    server: Server,
) -> None:
    """The message was durable before it left; it is neither lost nor sent again."""
    async with running_world(server.url, IMPATIENT) as world:
        await world.steer("/knobs", {"answer_delay_s": 1.0, "statuses": False})
        sending = asyncio.create_task(world.template(SHARED[0], NEWCOMER))
        await until(lambda: reserved(world), "a message in flight")
        await server.stop()
        answer = await sending
        assert answer.status == 200

        await server.start()
        await until(lambda: ready(world), "readiness")
        story = await world.state_of(answer, "accepted")
        (seen,) = await world.accepted()
        assert story["wamid"] == seen["wamid"]
        assert await world.counted(PORTFOLIO) == 1


async def reserved(world: World) -> bool:
    page = await world.admin("/messages?state=reserved")
    return len(page["messages"]) == 1


async def ready(world: World) -> bool:
    return (await world.call("GET", f"{world.admin_url}/readyz")).status == 200
