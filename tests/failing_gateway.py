"""Runs the ordinary command line as a process that ends itself, as `kill -9` would, at a step.

`FAILPOINT=step:n:file python -m tests.failing_gateway serve` dies when it comes to the step for the
nth time since the file is there. Nothing in the gateway knows of this: the functions that the steps
are named after are wrapped.
"""

import asyncio
import functools
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

from gateway import app
from gateway.cli import main
from gateway.cloud import wire
from gateway.cloud.client import CloudClient
from gateway.outbound.answers import AnswerWriter
from gateway.store import messages, outbox, quota

VARIABLE: Final = "FAILPOINT"
WRITES_IN: Final = 3
"""Rounds of the loop after which what was written has been handed to the kernel."""


class Step(NamedTuple):
    """A step of the route: before, amid or after a call, and how many times it surely comes.

    A statement in autocommit has no place between its effect and its commit: `after` it means that
    its answer was read. `in_transaction`: where a transaction is open, so before the commit.
    """

    owner: Any
    name: str
    when: Literal["before", "amid", "after"]
    most: int = 1
    in_transaction: bool = False


STEPS: Final = {
    "before_reserve": Step(quota, "reserve", "before"),
    "after_reserve": Step(quota, "reserve", "after"),
    "before_commit": Step(quota, "reserve", "after", in_transaction=True),
    "before_the_wire": Step(CloudClient, "send", "before", most=4),
    "request_written": Step(wire, "_exchange", "amid", most=4),
    "answer_read": Step(CloudClient, "send", "after", most=4),
    "before_settling": Step(AnswerWriter, "_write", "before"),
    "amid_settling": Step(messages, "record_answers", "after"),
    "after_settling": Step(AnswerWriter, "_write", "after"),
    "before_parking": Step(outbox, "park", "before"),
    "after_parking": Step(outbox, "park", "after"),
    "after_claim": Step(outbox, "claim", "after"),
}


class Failpoint(NamedTuple):
    """Where and when to die: the nth time since the file `armed` is there."""

    step: str
    nth: int
    armed: Path

    @property
    def process_id(self) -> UUID:
        """The name under which the process takes its leases."""
        return uuid5(NAMESPACE_OID, str(self.armed))

    def __str__(self) -> str:
        """Write it as the environment has it."""
        return f"{self.step}:{self.nth}:{self.armed}"

    @classmethod
    def read(cls, text: str) -> "Failpoint":
        """Read what was written so."""
        step, nth, armed = text.split(":")
        return cls(step, int(nth), Path(armed))


def lay(failpoint: Failpoint) -> None:
    """Have the process die at the step."""
    step = STEPS[failpoint.step]
    plain: Callable[..., Awaitable[Any]] = getattr(step.owner, step.name)
    left = failpoint.nth

    def burn() -> None:
        nonlocal left
        if failpoint.armed.exists():
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    @functools.wraps(plain)
    async def call(*arguments: Any) -> Any:
        if step.in_transaction and not arguments[0].is_in_transaction():
            # Every race is lost, so that all is decided again under the pool's lock.
            return quota.Reserved(set(), set())
        if step.when == "before":
            burn()
        doing = asyncio.ensure_future(plain(*arguments))
        if step.when == "amid":
            for _ in range(WRITES_IN):
                await asyncio.sleep(0)
            burn()
        done = await doing
        if step.when == "after":
            burn()
        return done

    setattr(step.owner, step.name, call)


if __name__ == "__main__":
    failpoint = Failpoint.read(os.environ[VARIABLE])
    lay(failpoint)
    vars(app)["uuid4"] = lambda: failpoint.process_id
    main()
