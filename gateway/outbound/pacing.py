"""Gives each number a line whose end is paced, so that no second holds more than its throughput.

A caller waits in the line for a place at the desk, is decided on there, and is paced once more
just before the wire. Only so many are let to the desk at once as the wire can take within a
quarter of a second: what was decided leaves while the decision is fresh, what was refused has used
up none of the allowance, and who must go first waits for no more than that quarter of a second.
"""

import asyncio
import math
from collections.abc import Callable, ValuesView
from contextlib import suppress
from typing import Final, NamedTuple

from aiolimiter import AsyncLimiter

from gateway.outbound.arrivals import Arrivals
from gateway.outbound.audience import AbandonedError, Audience
from gateway.outbound.rests import LeavingError
from gateway.policy.line_order import LineOrder
from gateway.policy.rate_shares import Grant, alone, grant_of
from gateway.policy.send_class import SendClass

FRESH_S: Final = 0.25
LEAST_PLACES: Final = 4
REVIEW_S: Final = 0.05
"""How often those who wait are looked at: is there still time enough for them?"""
DEMAND_S: Final = 2.0
"""How far back the demand looks: a share is wanted soon, and soon wanted no more."""
STEADY_S: Final = 10.0
"""How far back it is seen who keeps coming: a burst that is over takes nothing from the others."""
LEAST_TOLD_S: Final = 1.0
LEAST_RATE: Final = 1.0
"""Messages a second that a wait is reckoned with while a line stands still."""


class CongestedError(Exception):
    """The line is longer than the caller may wait; `retry_after_s` says how long it is.

    `code` is Meta's for what holds it up, None where it is only the line.
    """

    def __init__(self, retry_after_s: float, code: int | None = None) -> None:
        super().__init__(f"the line is {retry_after_s:.1f} s long")
        self.retry_after_s = retry_after_s
        self.code = code


class Wanted(NamedTuple):
    """What a place is wanted for: the class, whose message it is, the most seconds to wait."""

    send_class: SendClass
    app_id: str
    most_wait_s: float


class _Place:
    """Somebody in the line; `until` is the loop's time at which it is too late."""

    __slots__ = ("turn", "until", "wanted")

    def __init__(self, wanted: Wanted, loop: asyncio.AbstractEventLoop) -> None:
        self.wanted = wanted
        self.until = loop.time() + wanted.most_wait_s
        self.turn: asyncio.Future[None] = loop.create_future()


class Line:
    """The line of one number, `level` messages a second at the most.

    Source: THR (11 Sep 2026), R§5.1. How much of the level is this process's to use is told by
    `regulate`; to begin with, all of it. Where somebody wants to pass while the line stands still,
    `on_still` hears of it, and may raise what all who wait are to be told.
    """

    def __init__(
        self,
        phone_number_id: str,
        level: int,
        grant: Grant | None = None,
        on_still: Callable[[str], None] | None = None,
    ) -> None:
        self.phone_number_id = phone_number_id
        self.level = level
        self._on_still = on_still or _nobody
        self._order: LineOrder[_Place] = LineOrder()
        self._lately = Arrivals(DEMAND_S)
        self._steadily = Arrivals(STEADY_S)
        self._inside = 0
        self._held_until = 0.0
        self._left_at = -math.inf
        self._is_changed = False
        self._changed = asyncio.Event()
        self._wire = asyncio.Lock()
        self._goes = False
        self._is_closed = False
        self._review: asyncio.TimerHandle | None = None
        self.grant = Grant(0.0, 1.0)
        self._expected = alone(level).rate
        self.regulate(alone(level) if grant is None else grant)

    def __len__(self) -> int:
        """Return how many wait for a place at the desk."""
        return len(self._order)

    def waiting(self, send_class: SendClass) -> int:
        """Return how many of a class wait."""
        return self._order.waiting(send_class)

    def demand(self) -> float:
        """Return the messages a second that are wanted: who came lately, and who waits."""
        return self._lately.total(_now()) + len(self._order)

    def regulate(self, grant: Grant) -> None:
        """Pace the line by `grant` from now on; a rate of 0 stops it."""
        if grant == self.grant:
            return
        self.grant = grant
        self._changed.set()
        if grant.rate <= 0:
            self._goes = False
            return
        if not self._goes and self._on_still is not _nobody:
            # Others may have sent at its rate until now: it begins as one that has just sent.
            self._left_at = max(self._left_at, _now())
        self._limiter = AsyncLimiter(grant.burst, grant.burst / grant.rate)
        self._is_changed = True
        self._places = max(LEAST_PLACES, math.ceil(grant.rate * FRESH_S))
        self._goes = True
        self._let_in()

    def expect(self, rate: float) -> None:
        """Reckon with at least this rate: it will be granted as soon as others have settled."""
        self._expected = rate

    def hold(self, seconds: float) -> None:
        """Let nothing leave for so long."""
        self._held_until = max(self._held_until, _now() + seconds)
        self._look_after(0.0)

    @property
    def held_s(self) -> float:
        """Seconds for which nothing is going to leave."""
        return max(self._held_until - _now(), 0.0) if self._held_until else 0.0

    def wait_s(self, send_class: SendClass, app_id: str) -> float:
        """Return the seconds somebody who joins now is going to wait."""
        ahead = self._inside + self._order.ahead_of(send_class, app_id)
        return self.held_s + ahead / self._rate_for(send_class)

    def _rate_for(self, send_class: SendClass) -> float:
        """Return what is left for a class: those before it keep coming as they came lately."""
        taken = self._steadily.before(send_class, _now()) if self._order else 0.0
        rate = max(self.grant.rate, self._expected)
        return max(rate - taken, rate / 20, LEAST_RATE)

    async def enter(self, wanted: Wanted, audience: Audience) -> None:
        """Take a place at the desk, to be given back with `leave`.

        CongestedError as soon as it is clear that it would take longer than `most_wait_s`;
        AbandonedError when nobody waits for the answer any more; LeavingError once it is closed.
        """
        if self._is_closed:
            raise LeavingError
        now = _now()
        self._lately.note(wanted.send_class, now)
        self._steadily.note(wanted.send_class, now)
        if not self._goes:
            self._on_still(self.phone_number_id)
        at_once = self._inside <= wanted.most_wait_s * self.grant.rate
        if at_once and not self._order and self._is_open():
            self._inside += 1
            return
        wait_s = self.wait_s(wanted.send_class, wanted.app_id)
        if wait_s > wanted.most_wait_s:
            raise CongestedError(wait_s)
        await self._stand(_Place(wanted, asyncio.get_running_loop()), audience)

    async def _stand(self, place: _Place, audience: Audience) -> None:
        wanted = place.wanted
        self._order.push(place, wanted.send_class, wanted.app_id)
        self._look_after(REVIEW_S)
        forget = audience.when_gone(lambda: self._send_away(place, AbandonedError()))
        try:
            await place.turn
        except asyncio.CancelledError:
            if place.turn.done() and not place.turn.cancelled():
                self.leave()
            self._order.remove(place, wanted.send_class, wanted.app_id)
            raise
        finally:
            forget()

    def close(self) -> None:
        """Let nobody in any more, and tell those who wait: LeavingError. Who is inside goes on."""
        self._is_closed = True
        self._send_all_away(LeavingError())

    def leave(self) -> None:
        """Give the place back: to be called exactly once after `enter`."""
        self._inside -= 1
        self._let_in()

    async def turn(self) -> None:
        """Wait until the wire may take one more message; CongestedError when it stands still."""
        async with self._wire:
            if self.held_s > 0 or not self._goes:
                raise CongestedError(max(self.held_s, LEAST_TOLD_S))
            if self._is_changed:
                await self._take_over()
            else:
                await self._limiter.acquire()
            self._left_at = _now()

    async def _take_over(self) -> None:
        """Begin a new bucket where the old one stood, or each change would let one more through."""
        while self._goes and (wait_s := self._left_at + 1 / self.grant.rate - _now()) > 0:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
        if not self._goes:
            raise CongestedError(LEAST_TOLD_S)
        self._is_changed = False
        await self._limiter.acquire(self.grant.burst)

    def _is_open(self) -> bool:
        return self._goes and self._inside < self._places and self.held_s <= 0

    def _let_in(self) -> None:
        while self._order and self._is_open():
            place = self._order.pop()
            if not place.turn.done():
                self._inside += 1
                place.turn.set_result(None)

    def _send_away(self, place: _Place, error: Exception) -> None:
        self._order.remove(place, place.wanted.send_class, place.wanted.app_id)
        if not place.turn.done():
            place.turn.set_exception(error)

    def _send_all_away(self, error: Exception) -> None:
        for place in list(self._order.in_order()):
            self._send_away(place, error)

    def _look_after(self, seconds: float) -> None:
        if self._review is None and self._order:
            self._review = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        """Let in who may go, and tell those for whom it has become too late."""
        self._review = None
        self._let_in()
        if self._order and not self._goes:
            try:
                self._on_still(self.phone_number_id)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is for those who wait
                self._send_all_away(error)
        now, held_s = _now(), self.held_s
        late: list[tuple[_Place, float]] = []
        rates = {send_class: self._rate_for(send_class) for send_class in SendClass}
        ahead = self._inside
        for place in self._order.in_order():
            wait_s = held_s + ahead / rates[place.wanted.send_class]
            # What is reckoned may be wrong by a little, the hour is not.
            if now >= place.until or now + wait_s - FRESH_S > place.until:
                late.append((place, wait_s))
            else:
                ahead += 1
        for place, wait_s in late:
            self._send_away(place, CongestedError(wait_s))
        self._look_after(REVIEW_S)


class Pacing:
    """Keeps one line a number.

    With `on_still` the lines stand still until somebody regulates them; see `Line`.
    """

    def __init__(self, on_still: Callable[[str], None] | None = None) -> None:
        self._on_still = on_still
        self._lines: dict[str, Line] = {}
        self._is_closed = False

    @property
    def lines(self) -> ValuesView[Line]:
        """All lines there are."""
        return self._lines.values()

    def waiting(self, send_class: SendClass) -> int:
        """Return how many of a class wait, in all lines together."""
        return sum(line.waiting(send_class) for line in self._lines.values())

    def line(self, phone_number_id: str, level: int) -> Line:
        """Return the number's line."""
        line = self._lines.get(phone_number_id)
        if line is None or line.level != level:
            line = self._change(line, phone_number_id, level)
        return line

    def close(self) -> None:
        """Close all lines, and those that are yet to come."""
        self._is_closed = True
        for line in self._lines.values():
            line.close()

    def _change(self, line: Line | None, phone_number_id: str, level: int) -> Line:
        if line is None:
            grant = None if self._on_still is None else Grant(0.0, 1.0)
            line = Line(phone_number_id, level, grant, self._on_still)
            self._lines[phone_number_id] = line
            if self._is_closed:
                line.close()
        elif self._on_still is None:
            line.regulate(alone(level))
        elif level < line.level:
            # The next settlement tells how much it is to be; until then, not more than this.
            line.regulate(grant_of(line.grant.rate * level / line.level))
        line.level = level
        return line


def _nobody(_phone_number_id: str) -> None:
    """Stand in where nobody wants to know of a line that stands still."""


def _now() -> float:
    return asyncio.get_running_loop().time()
