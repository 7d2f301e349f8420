"""Choose the system user that an embedded PostgreSQL runs as, and let it reach its files.

PostgreSQL refuses to run as root. A gateway started by root (in a container, as a rule) therefore
hands the server to another user, who must be able to walk down to the data folder and to the
server's programs. What is missing for that is granted to the *group* of a folder, and the server is
put into that group: other users of the machine gain nothing.
"""

import os
import pwd
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SYSTEM_USER = "pgserver"


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """Whom to start the server as; all ``None`` means: as whoever we are.

    The fields go into the arguments of the same meaning of :class:`subprocess.Popen`.
    """

    user: int | None = None
    group: int | None = None
    extra_groups: tuple[int, ...] | None = None

    def give(self, path: Path) -> None:
        """Make ``path`` the account's own."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)


def choose_account(data_dir: Path, reach: Iterable[Path]) -> ServerAccount:
    """Return the account for a server on ``data_dir``, able to walk to every path of ``reach``.

    An ordinary user runs the server as itself. Root uses the owner of an existing data folder, else
    the system user ``pgserver``, created if missing. Raises ``OSError`` when that is impossible.
    """
    if os.geteuid() != 0:
        return ServerAccount()
    owner = data_dir.stat() if data_dir.exists() else None
    if owner is not None and owner.st_uid != 0:
        user, group = owner.st_uid, owner.st_gid
    else:
        entry = _system_user()
        user, group = entry.pw_uid, entry.pw_gid
    folders = {parent for path in reach for parent in _parents(path)}
    groups = {_let_group_pass(folder) for folder in folders}
    return ServerAccount(user, group, tuple(sorted(gid for gid in groups if gid is not None)))


def open_tree(top: Path, probe: Path) -> None:
    """Let the group of ``top`` read what is below, unless everybody may read ``probe`` already.

    Needed where root installed the programs under a strict umask.
    """
    if os.geteuid() != 0 or probe.stat().st_mode & stat.S_IROTH:
        return
    for path in (top, *top.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (mode & (stat.S_IRUSR | stat.S_IXUSR)) >> 3)


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ("useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER)
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - constant
    try:
        # Looked up whatever useradd said: another process may have been faster.
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise OSError(0, f"no system user {SYSTEM_USER}: {done.stderr.strip()}") from None


def _parents(path: Path) -> set[Path]:
    return {*path.absolute().parents, *path.resolve().parents}


def _let_group_pass(folder: Path) -> int | None:
    """Return the group through which the server may pass ``folder``; ``None`` if everybody may."""
    status = folder.stat()
    if status.st_mode & stat.S_IXOTH:
        return None
    if not status.st_mode & stat.S_IXGRP:
        folder.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXGRP)
    return status.st_gid
