"""Keeps messages to one user in the order in which they came."""

import asyncio
from contextlib import suppress
from typing import Final, NamedTuple

from gateway.policy.send_class import SendClass
from gateway.whatsapp.ids import PhoneNumberId, UserId

MOST_S: Final = 2.0
"""A predecessor that Meta does not answer holds up its successors for so long, not longer."""


class LaneKey(NamedTuple):
    """Whose order is kept: an app's messages of one class to one user of one number."""

    phone_number_id: PhoneNumberId
    user_id: UserId
    app_id: str
    send_class: SendClass


class Ticket:
    """A place in a lane: from when a message came until its outcome is known."""

    __slots__ = ("before", "is_done", "key", "passed")

    def __init__(self, key: LaneKey, before: "Ticket | None") -> None:
        self.key = key
        self.before = before
        self.is_done = False
        self.passed: asyncio.Future[None] | None = None
        """Set once the next one waits for this one."""

    @property
    def is_first(self) -> bool:
        """Whether nobody before it is still on the way."""
        return self.before is None or self.before.is_done

    async def turn(self) -> None:
        """Wait until the one before is through, or has taken too long."""
        before, self.before = self.before, None
        if before is None or before.is_done:
            return
        before.passed = asyncio.get_running_loop().create_future()
        with suppress(TimeoutError):
            async with asyncio.timeout(MOST_S):
                await before.passed


class Lanes:
    """All lanes of a process; one that is empty takes no room."""

    def __init__(self) -> None:
        self._last: dict[LaneKey, Ticket] = {}

    def __len__(self) -> int:
        """Return how many lanes somebody is in."""
        return len(self._last)

    def join(self, key: LaneKey) -> Ticket:
        """Take the next place in a lane."""
        ticket = self._last[key] = Ticket(key, self._last.get(key))
        return ticket

    def done(self, ticket: Ticket) -> None:
        """Let the next one go; to be called exactly once for each ticket."""
        ticket.is_done = True
        ticket.before = None
        if self._last.get(ticket.key) is ticket:
            del self._last[ticket.key]
        if ticket.passed is not None and not ticket.passed.done():
            ticket.passed.set_result(None)
