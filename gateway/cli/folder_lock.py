"""Keep a folder to one process at a time.

The lock is a ``flock`` on a file in the folder: the kernel lets go of it when its holder ends,
however it ends, so a ``kill -9`` leaves nothing to clean up.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class FolderLockError(Exception):
    """The folder is held by another process, or cannot be locked; the text is one line."""


class FolderLock:
    """A claim on a folder through the file ``lock`` in it: ``with FolderLock(folder): …``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    @classmethod
    def acquire(cls, folder: Path) -> Self:
        """Return the lock of ``folder``, taken; errors as on entering."""
        return cls(folder).__enter__()

    def release(self) -> None:
        """Give the folder back; a second call does nothing.

        The file stays: removing it would let two processes hold two files of the same name.
        """
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        """Take the folder (made if missing) or raise :class:`FolderLockError` at once."""
        if self._descriptor is None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._descriptor = _locked(self._folder / "lock")
            except BlockingIOError as error:
                raise FolderLockError(f"{self._folder} is in use by {error.strerror}") from error
            except OSError as error:
                raise FolderLockError(f"cannot lock {self._folder}: {error.strerror}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _locked(path: Path) -> int:
    """Return a descriptor that holds the lock; ``BlockingIOError`` names who has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            # The holder writes its id just after it got the lock, so it may not be there yet.
            by_whom = f"process {holder}" if holder else "another process"
            raise BlockingIOError(error.errno, by_whom) from error
        raise
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
