"""Tells how a person takes a message: what annoys, and when it is too much.

Meta tells that blocks and reports make a rating fall, and what businesses should do so that people
do not block them: ask first, be relevant, do not repeat, do not write too often (R§4.1, R§11). It
publishes no figures; those here are chosen so that who follows the advice stays GREEN for ever,
and who ignores all of it is RED within three days.

Of one message a person is annoyed by

    weight of its category x (1 - appeal) x 3 if nobody asked for it
    x (1 + messages of the last 7 days / patience) x 2 for each time the same came before

and complains with a chance of 1 % of that, times the person's irritability.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Literal

Reaction = Literal["block", "report", "stop", "answer"]

WEIGHTS = {"marketing": 1.0, "marketing_lite": 1.0, "utility": 0.2, "authentication": 0.02}
UNASKED = 3.0
MOST_REPEATS = 4
CHANCE = 0.01
LARGEST_CHANCE = 0.5
# Of a hundred complaints so many are a block, so many a report, and the rest a stop of marketing.
_BLOCKS, _REPORTS = 0.5, 0.25
_LARGEST_IRRITABILITY = 5.0
_SHORTEST_PATIENCE, _LONGEST_PATIENCE = 2.0, 6.0
_QUICKEST_S, _SLOWEST_S = 30.0, 4 * 3600.0


@dataclass(frozen=True, slots=True)
class Temper:
    """One person's temper.

    `irritability` is 1 on average, and much more for a few. `patience` is the number of messages
    a week from one business after which each further one annoys twice as much as the first.
    """

    has_opted_in: bool
    irritability: float
    patience: float


@dataclass(frozen=True, slots=True)
class Experience:
    """One message as its reader finds it.

    `heard` counts the business's messages of the last 7 days, `repeats` those with the same
    content; `appeal` is from 0 to 1.
    """

    category: str
    appeal: float
    heard: int
    repeats: int


def draw(*what: object) -> tuple[float, float, float]:
    """Draw three numbers from 0 up to 1 which depend on nothing but `what`."""
    digest = hashlib.blake2b("|".join(map(str, what)).encode(), digest_size=24).digest()
    a, b, c = (int.from_bytes(digest[at : at + 8], "big") / 2**64 for at in (0, 8, 16))
    return a, b, c


def temper_of(seed: int, phone: str, opted_in: float) -> Temper:
    """Draw a person's temper; `opted_in` is the share of people who asked for messages."""
    asked, irritable, patient = draw(seed, "temper", phone)
    return Temper(
        has_opted_in=asked < opted_in,
        irritability=min(-math.log(1.0 - irritable), _LARGEST_IRRITABILITY),
        patience=_SHORTEST_PATIENCE + patient * (_LONGEST_PATIENCE - _SHORTEST_PATIENCE),
    )


def annoyance(temper: Temper, experience: Experience) -> float:
    """Weigh one message; 0 is a reply or a perfect one, 0.2 a good promotion, 3 a bad one."""
    weight = WEIGHTS.get(experience.category, 0.0)
    unasked = 1.0 if temper.has_opted_in else UNASKED
    frequency = 1.0 + experience.heard / temper.patience
    repetition = 2.0 ** min(experience.repeats, MOST_REPEATS)
    return weight * (1.0 - experience.appeal) * unasked * frequency * repetition


def chance_of_complaint(temper: Temper, experience: Experience, irritability: float) -> float:
    """Give the chance, from 0 to 0.5, that the reader complains."""
    chance = CHANCE * irritability * temper.irritability * annoyance(temper, experience)
    return min(chance, LARGEST_CHANCE)


def reaction(chance: float, answering: float, drawn: tuple[float, float, float]) -> Reaction | None:
    """Choose what the reader does, if anything; `answering` is the chance of an answer."""
    luck, kind, _ = drawn
    if luck < chance:
        if kind < _BLOCKS:
            return "block"
        return "report" if kind < _BLOCKS + _REPORTS else "stop"
    return "answer" if luck > 1.0 - answering else None


def delay_s(drawn: tuple[float, float, float]) -> float:
    """Give the seconds until the reader reacts: half a minute to four hours, mostly soon."""
    return _QUICKEST_S + drawn[2] ** 2 * (_SLOWEST_S - _QUICKEST_S)
