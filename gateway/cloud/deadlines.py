"""Ends calls that take too long, without a timer a call."""

import asyncio
from types import TracebackType
from typing import Final

STEPS: Final = 20  # a call is ended at most a twentieth of its time too late


class Deadlines:
    """Gives every call the same time: `with deadlines:` raises TimeoutError when it is over.

    Calls end in the order in which they began, so one timer that looks at the oldest serves them
    all; a timer a call would cost more than the rest of the bookkeeping of a message. A task may
    be inside once at a time.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        """Start the time of the current task."""
        loop = asyncio.get_running_loop()
        self._began[_task(loop)] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._seconds / STEPS, self._look, loop)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the time; our own cancellation becomes a TimeoutError, anybody else's stays."""
        task = _task(asyncio.get_running_loop())
        del self._began[task]
        if task in self._late:
            self._late.discard(task)
            if task.uncancel() <= 0 and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        latest = loop.time() - self._seconds
        for task, began in self._began.items():
            if began > latest:
                break
            if task not in self._late:
                self._late.add(task)
                task.cancel()
        self._timer = (
            loop.call_later(self._seconds / STEPS, self._look, loop) if self._began else None
        )


def _task(loop: asyncio.AbstractEventLoop) -> asyncio.Task[object]:
    task = asyncio.current_task(loop)
    if task is None:
        raise RuntimeError("only a task can be given a time")
    return task
