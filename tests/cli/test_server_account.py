import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli import server_account
from gateway.cli.server_account import ServerAccount, choose_account, open_tree

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a server to another user")


@pytest.fixture
def private_home(tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    yield home
    home.chmod(0o700)


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_ordinary_user_runs_the_server_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    account = choose_account(tmp_path / "data", [tmp_path / "data"])
    assert account == ServerAccount(user=None, group=None, extra_groups=None)
    before = tmp_path.stat().st_uid
    account.give(tmp_path)
    assert tmp_path.stat().st_uid == before


@as_root
def test_root_uses_the_system_user_and_opens_a_private_home_to_the_servers_group_only(
    private_home: Path,
) -> None:
    data_dir = private_home / "data"
    account = choose_account(data_dir, [data_dir])
    assert account.user == pwd.getpwnam(server_account.SYSTEM_USER).pw_uid
    assert permissions(private_home) == 0o710
    assert private_home.stat().st_gid in (account.extra_groups or ())


@as_root
def test_root_leaves_a_folder_alone_that_everybody_may_pass(private_home: Path) -> None:
    private_home.chmod(0o711)
    choose_account(private_home / "data", [private_home / "data"])
    assert permissions(private_home) == 0o711


@as_root
def test_root_runs_the_server_as_the_owner_of_an_existing_folder(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    os.chown(data_dir, 4242, 4343)
    account = choose_account(data_dir, [data_dir])
    assert (account.user, account.group) == (4242, 4343)


@as_root
def test_programs_that_root_installed_for_itself_become_readable_by_the_group(
    tmp_path: Path,
) -> None:
    program = tmp_path / "bin" / "postgres"
    library = tmp_path / "lib" / "libpq.so"
    for path, mode in ((program, 0o700), (library, 0o600)):
        path.parent.mkdir(mode=0o700)
        path.touch()
        path.chmod(mode)
    open_tree(tmp_path, program)
    assert [permissions(path) for path in (program, library)] == [0o750, 0o640]
    assert permissions(library.parent) == 0o750
    program.chmod(0o755)
    library.chmod(0o600)
    open_tree(tmp_path, program)
    assert permissions(library) == 0o600
