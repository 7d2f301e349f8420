"""Names what may happen in a governed world, each thing as data that can be drawn and replayed."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Protocol

from hypothesis import strategies as st

from gateway.cli import demo
from tests.builders import template_body, text_body
from tests.world import Answer, World

NUMBERS = tuple(number.phone_number_id for number in demo.NUMBERS)
WABAS = ("100000000000001", "100000000000002")
USERS = 90
DAY_S = 86_400.0
# The instants that matter, and those beside them.
EDGES_S = (6, 60, 3600, 3 * 3600, 6 * 3600, DAY_S - 60, DAY_S, 7 * DAY_S)
BESIDE_S = (-1.0, -0.5, 0.0, 0.5, 1.0)


class Happening(Protocol):
    """Something that happens; returns the gateway's answers to what was sent, if anything was."""

    async def happen(self, world: World) -> list[Answer]: ...


def user(index: int) -> str:
    return f"+346{index:08d}"


@dataclass(frozen=True, slots=True)
class Send:
    """Messages to several users, or several to one, all at once."""

    number: str
    users: tuple[int, ...]
    template: str | None

    async def happen(self, world: World) -> list[Answer]:
        template = self.template
        return await asyncio.gather(
            *(
                world.send(
                    self.number,
                    template_body(user(each), template) if template else text_body(user(each)),
                )
                for each in self.users
            )
        )


@dataclass(frozen=True, slots=True)
class Inbound:
    """Users write to a number."""

    number: str
    users: tuple[int, ...]
    type: str

    async def happen(self, world: World) -> list[Answer]:
        for each in self.users:
            body = {"phone_number_id": self.number, "from": user(each)[1:], "type": self.type}
            await world.steer("/inbound", body)
        return []


@dataclass(frozen=True, slots=True)
class Advance:
    """Time passes."""

    seconds: float

    async def happen(self, world: World) -> list[Answer]:
        await world.advance(self.seconds)
        return []


@dataclass(frozen=True, slots=True)
class UntilOpened:
    """Time passes until a moment beside the one at which what happened last is 24 hours old."""

    beside_s: float

    async def happen(self, world: World) -> list[Answer]:
        sends = await world.sends()
        if sends:
            last = timedelta(days=1, seconds=self.beside_s) + at(sends[len(sends) // 2])
            ahead = (last - world.clock.now()).total_seconds()
            await world.advance(max(ahead, 0.0))
        return []


@dataclass(frozen=True, slots=True)
class Steer:
    """Meta does something: rates, pauses, restricts, fails, breaks connections."""

    path: str
    body: tuple[tuple[str, Any], ...]

    async def happen(self, world: World) -> list[Answer]:
        await world.steer(self.path, dict(self.body))
        return []


@dataclass(frozen=True, slots=True)
class Poll:
    """The gateway reads the nodes and lists."""

    async def happen(self, world: World) -> list[Answer]:
        await world.poll()
        return []


def at(sighting: dict[str, Any]) -> Any:
    from datetime import datetime

    return datetime.fromisoformat(sighting["at"])
