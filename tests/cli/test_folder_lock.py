import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.folder_lock import FolderLock, FolderLockError

HOLD = """
import sys
from pathlib import Path
from gateway.cli.folder_lock import FolderLock
with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_owner_is_refused_with_one_line_until_the_first_is_killed(tmp_path: Path) -> None:
    command = (sys.executable, "-c", HOLD, str(tmp_path))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FolderLockError) as refused, FolderLock(tmp_path):
            pass
        assert str(refused.value) == f"{tmp_path} is in use by process {holder.pid}"
        holder.kill()
        holder.wait()
        with FolderLock(tmp_path):
            assert (tmp_path / "lock").read_text() != f"{holder.pid}\n"


def test_a_folder_is_made_and_can_be_taken_again_after_release(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "sandbox"
    with FolderLock.acquire(folder) as lock, pytest.raises(FolderLockError, match="is in use by"):
        FolderLock.acquire(folder)
    lock.release()
    FolderLock.acquire(folder).release()


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FolderLockError) as refused:
        FolderLock.acquire(tmp_path / "file" / "sandbox")
    assert str(refused.value) == f"cannot lock {tmp_path}/file/sandbox: Not a directory"
