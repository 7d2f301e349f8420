"""Give tests a real PostgreSQL: one server for a whole test run, a fresh database for each test.

Under pytest-xdist the first worker that needs a database starts the server for all of them, and
stops it after the last one has let go. Files locked by ``flock`` are how the workers agree; the
kernel drops a lock when its holder dies.
"""

import asyncio
import fcntl
import hashlib
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from gateway.cli.embedded_postgres import EmbeddedPostgres

TEMPLATE = "gateway_template"
ROOM_BYTES = 2 * 1024**3
# A test database has no future, so nothing waits for the disk.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "4GB",
    "autovacuum": "off",
}
_names = (f"t_{os.getpid()}_{number}" for number in itertools.count(1))


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of the run's server, database ``postgres``."""
    base = tmp_path_factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    home = _room(run)
    folder = home / hashlib.sha256(bytes(run)).hexdigest()[:12]
    address = folder / "url"
    with ExitStack() as at_end:
        with (home / "start").open("w") as start:
            fcntl.flock(start, fcntl.LOCK_EX)
            _sweep(home)
            folder.mkdir(exist_ok=True)
            users = at_end.enter_context((folder / "users").open("w"))
            # Waits for a server that is just being stopped.
            fcntl.flock(users, fcntl.LOCK_SH)
            if not address.exists():
                server = EmbeddedPostgres.start(folder / "data", settings=SETTINGS)
                at_end.callback(shutil.rmtree, folder / "data")
                at_end.callback(server.stop)
                asyncio.run(_make_template(server.url))
                address.write_text(server.url)
                at_end.callback(address.unlink)
                # Granted when every other worker has finished.
                at_end.callback(fcntl.flock, users, fcntl.LOCK_EX)
        yield address.read_text()


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """Return the address of a fresh database with all migrations applied."""
    name = next(_names)
    await _execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
    yield at_database(postgres_url, name)
    await _execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


def at_database(url: str, name: str) -> str:
    """Return ``url`` with another database."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _room(run: Path) -> Path:
    """Return a folder for servers, in memory if it has room: databases are made 10 times faster."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder below belongs to this user alone
    try:
        state = os.statvfs(memory)
    except FileNotFoundError:
        home = run / "postgres"
    else:
        roomy = state.f_bavail * state.f_frsize >= ROOM_BYTES and os.access(memory, os.W_OK)
        home = (memory if roomy else run) / f"gateway-tests-{os.getuid()}"
    home.mkdir(mode=0o711, exist_ok=True)
    return home


def _sweep(home: Path) -> None:
    """Remove what killed runs left; a server without its folder ends by itself within a minute."""
    for users in home.glob("*/users"):
        with users.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(users.parent)


async def _make_template(url: str) -> None:
    from gateway.store.migrate import migrate  # noqa: PLC0415 - most tests need no store

    # A worker may have been first before, and have stopped its server already.
    await _execute(url, f"DROP DATABASE IF EXISTS {TEMPLATE}")
    await _execute(url, f"CREATE DATABASE {TEMPLATE}")
    await migrate(at_database(url, TEMPLATE))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
