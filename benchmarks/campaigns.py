"""Two campaigns of two weeks, and the diary of what Meta made of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from gateway.emulator.life.temper import temper_of
from gateway.emulator.state import State

SEED: Final = 7
OPTED_IN: Final = 0.7
DAYS: Final = 14
RECKLESS: Final = "200000000000001"
CAREFUL: Final = "200000000000002"
HOUR_S: Final = 3600.0
BY_DAY: Final = range(9, 21)
AT_ONCE: Final = 64
# So many messages share a second of the clock, below the 1,000 that the numbers may send.
A_SECOND: Final = 400
_REPLIES_ONLY: Final = frozenset({"RESTRICTED", "RATE_LIMITED"})


def world() -> dict[str, Any]:
    """Describe two new numbers of their own accounts, each with a limit of 250.

    The reckless one has templates that nobody cares for, the careful one such as people like.
    """
    numbers = [(RECKLESS, "100000000000001"), (CAREFUL, "100000000000002")]
    bad = [("100000000000001", f"mega_sale_{index}", 0.25) for index in range(1, 5)]
    good = [("100000000000002", f"letter_{week}", 0.85) for week in (1, 2)]
    return {
        "tokens": [{"token": "EAAdemo", "waba_ids": [waba_id for _, waba_id in numbers]}],
        "numbers": [
            {
                "phone_number_id": number,
                "display_phone_number": f"+1 555-000-100{number[-1]}",
                "waba_id": waba_id,
                "regime": "per_number",
                "messaging_limit": 250,
                "throughput": 1000,
            }
            for number, waba_id in numbers
        ],
        "templates": [
            {
                "id": f"60000000000000{index}",
                "waba_id": waba_id,
                "name": name,
                "category": "MARKETING",
                "appeal": appeal,
            }
            for index, (waba_id, name, appeal) in enumerate(bad + good)
        ],
        "population": {"opted_in": OPTED_IN, "answering": 0.03},
    }


@dataclass(frozen=True, slots=True)
class Reply:
    """What a send was answered: accepted, refused by Meta with a code, or held by the gateway."""

    code: int | None
    is_held: bool = False


class Route(Protocol):
    """A way of sending; `state` is the emulator's at its end."""

    state: State

    async def send(self, number: str, body: dict[str, Any]) -> Reply:
        """Send one message."""
        ...

    async def advance(self, seconds: float) -> None:
        """Let time pass."""
        ...


@dataclass(slots=True)
class Day:
    """What became of one day's messages."""

    accepted: int = 0
    refused: int = 0
    held: int = 0


@dataclass(slots=True)
class Diary:
    """One number's two weeks: a day a row of `days`, an hour an entry of the others."""

    days: list[Day] = field(default_factory=list)
    ratings: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    limits: list[int | None] = field(default_factory=list)

    @property
    def sum(self) -> Day:
        """All days together."""
        return Day(
            sum(day.accepted for day in self.days),
            sum(day.refused for day in self.days),
            sum(day.held for day in self.days),
        )


class Campaign(Protocol):
    """Who is written to, when and with what; learns from the replies."""

    number: str

    def due(self, day: int, hour: int) -> Sequence[tuple[str, str]]:
        """List recipients with the template for each."""
        ...

    def heard(self, recipient: str, reply: Reply) -> None:
        """Hear what a message to the recipient was answered."""
        ...


class Reckless:
    """Twice a day the same offer to a bought list; when a template is dead, the next one."""

    number = RECKLESS

    def __init__(self, people: int) -> None:
        self._people = [f"3461{user:07d}" for user in range(people)]
        self._template = 1

    def due(self, day: int, hour: int) -> Sequence[tuple[str, str]]:  # noqa: ARG002 - every day
        """Write to everybody at ten and at six."""
        if hour not in {10, 18}:
            return []
        return [(user, f"mega_sale_{self._template}") for user in self._people]

    def heard(self, recipient: str, reply: Reply) -> None:  # noqa: ARG002 - nobody in particular
        """Take the next template when Meta has disabled this one."""
        if reply.code == 132016 and self._template < 4:  # noqa: PLR2004 - disabled; there are four
            self._template += 1


class Careful:
    """A letter a week, another one each week, to people who asked for it; a little more each day.

    A day's letters go evenly from nine in the morning until nine in the evening. Who could not be
    written to comes first an hour later, or in the next morning.
    """

    number = CAREFUL

    def __init__(self, people: int) -> None:
        asked = (f"3462{user:07d}" for user in range(10 * people))
        self._week = [user for user in asked if temper_of(SEED, user, OPTED_IN).has_opted_in][
            :people
        ]
        self._waiting: list[str] = []
        self._plan = self._plans(people)

    @staticmethod
    def _plans(people: int) -> Iterator[int]:
        size = 130.0
        while True:
            yield min(int(size), people // 7 + 1)
            size *= 1.4

    def due(self, day: int, hour: int) -> Sequence[tuple[str, str]]:
        """Write to this hour's part of as many as today's plan says."""
        if hour not in BY_DAY:
            return []
        if hour == BY_DAY.start:
            self._size = next(self._plan)
        begun = hour - BY_DAY.start
        size = self._size * (begun + 1) // len(BY_DAY) - self._size * begun // len(BY_DAY)
        fresh = [self._week[(self._at + index) % len(self._week)] for index in range(size)]
        self._at += size
        now, self._waiting = self._waiting + fresh, []
        return [(user, f"letter_{1 + day // 7}") for user in now]

    _at = 0
    _size = 0

    def heard(self, recipient: str, reply: Reply) -> None:
        """Try again in an hour whom the limit left out."""
        if reply.code in {130429, 131048, 368}:
            self._waiting.append(recipient)


async def play(
    route: Route, campaigns: Sequence[Campaign], days: int, told: Callable[[int], None]
) -> dict[str, Diary]:
    """Live through the campaigns, hour by hour; `told` hears each day that has passed."""
    diaries = {each.number: Diary() for each in campaigns}
    for day in range(days):
        for diary in diaries.values():
            diary.days.append(Day())
        for hour in range(24):
            for campaign in campaigns:
                await _send(route, campaign, campaign.due(day, hour), diaries[campaign.number])
            _note(route.state, diaries)
            await route.advance(HOUR_S)
        told(day + 1)
    return diaries


async def _send(
    route: Route, campaign: Campaign, due: Sequence[tuple[str, str]], diary: Diary
) -> None:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(recipient: str, template: str) -> None:
        async with room:
            reply = await route.send(campaign.number, _body(recipient, template))
        _count(diary.days[-1], reply)
        campaign.heard(recipient, reply)

    for start in range(0, len(due), A_SECOND):
        sends: list[Awaitable[None]] = [one(*each) for each in due[start : start + A_SECOND]]
        await asyncio.gather(*sends)
        await route.advance(1.0)


def _body(recipient: str, template: str) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "to": f"+{recipient}",
        "type": "template",
        "template": {"name": template, "language": {"code": "en_US"}},
    }


def _count(day: Day, reply: Reply) -> None:
    if reply.is_held:
        day.held += 1
    elif reply.code is None:
        day.accepted += 1
    else:
        day.refused += 1


def _note(state: State, diaries: dict[str, Diary]) -> None:
    now = state.now()
    for phone_number_id, diary in diaries.items():
        number = state.registry.numbers[phone_number_id]
        is_forbidden = any(state.registry.restrictions_of(number.waba_id, now))
        status = "FORBIDDEN" if is_forbidden else number.status
        diary.ratings.append(number.quality_rating)
        diary.statuses.append("LIMIT REACHED" if status in _REPLIES_ONLY else status)
        diary.limits.append(state.registry.limit_of(number))
