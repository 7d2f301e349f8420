"""Sends one template to many users at once, and says what the emulator counted of it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from tests.builders import template_body, users
from tests.world import Answer, World

AT_ONCE = 64


def audience(size: int, start: int = 1) -> list[str]:
    """Return that many users."""
    return list(islice(users(start), size))


async def campaign(
    world: World,
    number: str,
    people: Iterable[str],
    *,
    via: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> list[Answer]:
    """Send a template to each of `people`, many at once; answers in their order."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(user: str) -> Answer:
        async with room:
            return await world.send(number, template_body(user), via=via, headers=headers)

    return await asyncio.gather(*(one(user) for user in people))


def sent(answers: Sequence[Answer]) -> int:
    """Count the messages that were taken."""
    return sum(answer.status == 200 for answer in answers)


def reached(sends: Iterable[dict[str, Any]]) -> set[str]:
    """Return whom accepted messages went to that have not failed."""
    return {
        each["user"]
        for each in sends
        if each["outcome"] == "accepted" and each["fails_with"] is None
    }
