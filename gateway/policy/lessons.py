"""Knows what Meta's refusals and failures teach about users and numbers, and how long it holds.

Sources: R§7.3 (131048, 131049, 131056), R§7.4 (131047, 131050), R§5.2 and R§6.5 for the rests. What
other codes teach about throughput and call limits is not remembered here.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

SECOND: Final = timedelta(seconds=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


class Lesson(StrEnum):
    """What a code teaches."""

    SPAM = "spam"  # the number starts no conversation for a while
    CAP = "cap"  # the user rests from this number's marketing
    PAIR = "pair"  # number and user rest from each other
    WINDOW_SHUT = "window_shut"
    MARKETING_STOPPED = "marketing_stopped"


LESSONS: Final = {
    131047: Lesson.WINDOW_SHUT,
    131048: Lesson.SPAM,
    131049: Lesson.CAP,
    131050: Lesson.MARKETING_STOPPED,
    131056: Lesson.PAIR,
}


class Word(NamedTuple):
    """Meta's word on one message: when we decided on that, when Meta spoke, when we heard of it."""

    decided_at: datetime
    said_at: datetime
    heard_at: datetime


class Rest(NamedTuple):
    """How often in a row Meta has said no, when we last heard it, and until when we rest.

    What was decided up to `heard_at` was decided in ignorance of it: one campaign draws many
    refusals, a webhook comes twice and late, and all of them tell the same.
    """

    strikes: int = 0
    heard_at: datetime | None = None
    until: datetime | None = None

    def covers(self, word: Word) -> bool:
        """Tell whether what Meta says here is nothing new."""
        return self.heard_at is not None and word.decided_at <= self.heard_at

    def lifted(self, word: Word) -> "Rest":
        """Return what is left once a message has arrived: nothing, if it was a probe.

        The hour stays, so that what is told of earlier messages later still teaches nothing.
        """
        if not self.strikes or self.covers(word):
            return self
        return Rest(heard_at=word.heard_at)


class Ladder(NamedTuple):
    """The rests after the first no, the second in a row, and so on; the last holds for all later.

    `forgotten_after`: a no that comes so long after the end of a rest is a first one again; None
    where only an arrival ends the row.
    """

    rests: tuple[timedelta, ...]
    forgotten_after: timedelta | None = None

    def strike(self, known: Rest, word: Word) -> Rest:
        """Return the rest after another no, `known` itself if that is nothing new."""
        if known.covers(word):
            return known
        strikes = min(known.strikes + 1, len(self.rests)) if self._in_a_row(known, word) else 1
        # Webhooks tell whole seconds: Meta spoke up to a second later, but before we heard it.
        said_at = min(word.said_at + SECOND, word.heard_at)
        return Rest(strikes, word.heard_at, said_at + self.rests[strikes - 1])

    def _in_a_row(self, known: Rest, word: Word) -> bool:
        if known.heard_at is None or self.forgotten_after is None:
            return True
        ended_at = known.heard_at + self.rests[known.strikes - 1]
        return word.said_at <= ended_at + self.forgotten_after


SPAM: Final = Ladder((HOUR, 4 * HOUR, 24 * HOUR))
"""131048. Source: R§7.3."""
CAP: Final = Ladder((DAY, 2 * DAY, 4 * DAY, 8 * DAY, 16 * DAY, 30 * DAY), 30 * DAY)
"""131049. Source: PUM (29 Apr 2026) for 24 hours and longer, R§7.3 for the doubling."""
PAIR: Final = Ladder(tuple(4**x * SECOND for x in range(6)), timedelta(minutes=10))
"""131056. Source: ABOUT (11 Sep 2026) for 4^X seconds, R§5.2."""
