"""Lets people react to what they are sent: block, report, stop, answer; and counts it.

Only in a lived world. What a person does is drawn from the seed, the two phones and how many
messages there were between them, so that the same campaign meets the same people every time.
"""

from collections import Counter
from functools import partial

import orjson

from gateway.emulator.life import enforcement, inbound, lifecycle, scaling, templates
from gateway.emulator.life.lived import DAY_S, Acquaintance
from gateway.emulator.life.ratings import HOUR_S, SEVERITY
from gateway.emulator.life.temper import (
    WEIGHTS,
    Experience,
    Reaction,
    chance_of_complaint,
    delay_s,
    draw,
    reaction,
    temper_of,
)
from gateway.emulator.registry import Number, Template
from gateway.emulator.state import State
from gateway.emulator.webhooks.contents import Written
from gateway.emulator.webhooks.updates import Sent

_WEEK_S = 7 * DAY_S
_ANSWER = "Thank you!"


def begin(state: State) -> None:
    """Bring a world to life, if it has a population."""
    if state.people.population is None:
        return
    state.on_delivered.append(partial(delivered, state))
    state.schedule.at(state.clock.now().timestamp() + HOUR_S, partial(_every_hour, state))


def _every_hour(state: State, now: float) -> None:
    for number in list(state.registry.numbers.values()):
        review_number(state, number, now)
    for template in list(state.registry.templates.values()):
        review_template(state, template, now)
    enforcement.look(state, now)
    scaling.look(state, now)
    state.schedule.at(now + HOUR_S, partial(_every_hour, state))


def delivered(state: State, number: Number, sent: Sent, now: float) -> None:
    """Let one delivered message be counted, and felt."""
    state.lived.ratings.of(number.id).delivered(now)
    if sent.template is not None:
        state.lived.ratings.of(sent.template.id).delivered(now)
    if sent.takes_slot:
        scaling.reached(state, number, sent.user, now)
    if sent.template is None or sent.is_reply or sent.category not in WEIGHTS:
        return
    drawn, chosen = _felt(state, number, sent, now)
    if chosen is not None:
        deed = partial(_react, state, number, sent, chosen)
        state.schedule.at(now + delay_s(drawn), deed)


def _felt(
    state: State, number: Number, sent: Sent, now: float
) -> tuple[tuple[float, float, float], Reaction | None]:
    population, template = state.people.population, sent.template
    if population is None or template is None:
        raise AssertionError("only templates in a lived world are felt")
    known = state.lived.acquaintances.setdefault((number.id, sent.user), Acquaintance())
    known.week = [each for each in known.week if each[0] > now - _WEEK_S]
    content = template.id.encode() + orjson.dumps(sent.payload, option=orjson.OPT_SORT_KEYS)
    repeats = sum(each[1] == content for each in known.week)
    experience = Experience(sent.category, template.appeal, len(known.week), repeats)
    known.ever += 1
    known.week.append((now, content))
    temper = temper_of(state.seed, sent.user, population.opted_in)
    drawn = draw(state.seed, "reaction", number.id, sent.user, known.ever)
    chance = chance_of_complaint(temper, experience, population.irritability)
    return drawn, reaction(chance, population.answering, drawn)


def _react(state: State, number: Number, sent: Sent, chosen: Reaction, now: float) -> None:
    person = state.people.get(sent.user)
    if person is not None and person.has_blocked(number.id):
        return
    match chosen:
        case "answer":
            inbound.user_writes(state, number, sent.user, now, Written(text=_ANSWER))
            return
        case "stop":
            inbound.user_prefers(state, number, sent.user, "stop", now)
        case "block" | "report":
            state.people.know(sent.user).blocked.add(number.id)
    state.lived.complaints.setdefault(number.id, Counter())[chosen] += 1
    state.lived.ratings.of(number.id).complained(SEVERITY[chosen], now)
    review_number(state, number, now)
    enforcement.limit_spam(number, now)
    if sent.template is not None:
        state.lived.ratings.of(sent.template.id).complained(SEVERITY[chosen], now)
        review_template(state, sent.template, now)


def review_number(state: State, number: Number, now: float) -> None:
    """Rate a number anew, with all that follows from it."""
    rating = state.lived.ratings.of(number.id).rating(now, number.quality_rating)
    if rating != number.quality_rating:
        lifecycle.rate(state, number, rating, now)


def review_template(state: State, template: Template, now: float) -> None:
    """Rate a template anew; RED pauses it, and what happened before the pause is forgotten."""
    record = state.lived.ratings.of(template.id)
    rating = record.rating(now, template.quality)
    if rating == template.quality or template.status != "APPROVED":
        return
    templates.set_quality(state, template, rating, now)
    if rating == "RED":
        record.forget()
