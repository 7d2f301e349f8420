"""Reports how well Meta's rules were kept, and how numbers, pools and templates fared."""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from gateway.emulator.clock import iso
from gateway.emulator.history import Change
from gateway.emulator.journal import DIRECT, MISDIRECTED, Fate
from gateway.emulator.life.ratings import SEVERITY
from gateway.emulator.registry import Number, Template
from gateway.emulator.rules.judge import RULES
from gateway.emulator.state import State
from gateway.emulator.steering import snapshot

_SOURCE = re.compile(r"Source:\s*(.*?\(R§[^)]*\)(?:;\s[^()]*\(R§[^)]*\))*)", re.DOTALL)
_PARAGRAPH = re.compile(r"\((R§[^)]*)\)")


class _Message(NamedTuple):
    """The class of a message, as the journal counts it."""

    phone_number_id: str
    type: str
    category: str | None
    is_reply: bool
    to_group: bool
    fate: Fate


# What a rule has nothing to say about is not counted as kept; the other rules are about everything.
_ONLY: dict[str, Callable[[_Message, Number], bool]] = {
    "allow_list": lambda _, number: number.is_test_number,
    "template": lambda each, _: each.type == "template",
    "template_parameters": lambda each, _: each.type == "template",
    "authentication": lambda each, _: each.category == "AUTHENTICATION",
    "direct_send": lambda each, _: each.type in {DIRECT, MISDIRECTED},
    "spam_limit": lambda each, _: not each.is_reply,
    "pair_rate": lambda each, _: not each.to_group,
    "call_permission": lambda each, _: each.type == "call_permission_request",
    "thread_owner": lambda each, _: each.type != "template",
    "service_window": lambda each, _: each.type not in {"template", DIRECT},
    "messaging_limit": lambda each, _: not each.is_reply and not each.to_group,
    "marketing_preference": lambda each, _: each.category == "MARKETING",
}


def of(state: State) -> dict[str, Any]:
    """Report everything; instants are ISO-8601 in UTC."""
    now = state.now()
    history = state.history.by_subject()
    return {
        "now": iso(now),
        "started_at": iso(state.started_at),
        "mode": state.mode,
        "seed": state.seed,
        "scenario": _scenario(state, now),
        "rules": _rules(state),
        "numbers": [_number(state, each, history) for each in state.registry.numbers.values()],
        "pools": snapshot.pools(state, now),
        "templates": [_template(each, history) for each in state.registry.templates.values()],
        "webhooks": {
            "delivered": state.sender.delivered,
            "pending": state.sender.pending,
            "given_up": state.sender.given_up,
        },
    }


def source_of(rule: Callable[..., Any]) -> str:
    """Read from the docstring of a rule, or of its module, where Meta says so."""
    own = inspect.getdoc(rule) or ""
    whole = own + (inspect.getdoc(inspect.getmodule(rule)) or "")
    found = _SOURCE.search(own) or _SOURCE.search(whole) or _PARAGRAPH.search(whole)
    return " ".join(found.group(1).split()) if found else ""


def _scenario(state: State, now: float) -> dict[str, Any]:
    scenario = state.scenario
    events = []
    for place, event in enumerate(scenario.events):
        at = state.started_at + event.at
        outcome = "done" if at <= now else "planned"
        outcome = state.failed_events.get(place, outcome)
        events.append({"at": iso(at), "event": event.kind, "outcome": outcome})
    return {"name": scenario.name, "description": scenario.description, "events": events}


def _rules(state: State) -> list[dict[str, Any]]:
    return [_rule(state, rule, state.journal.broken[rule.__name__]) for rule in RULES]


def _rule(state: State, rule: Callable[..., Any], broken: int) -> dict[str, Any]:
    concerns, numbers = _ONLY.get(rule.__name__), state.registry.numbers
    applied = sum(
        count
        for message, count in state.journal.judged.items()
        if concerns is None or concerns(_Message(*message), numbers[message[0]])
    )
    return {
        "rule": rule.__name__,
        "source": source_of(rule),
        "applied": applied,
        "kept": applied - broken,
        "broken": broken,
    }


def _number(state: State, number: Number, history: dict[str, list[Change]]) -> dict[str, Any]:
    shown = snapshot.number(state, number)
    fates: Counter[Fate] = Counter({"refused": state.journal.unjudged[number.id]})
    for message, count in state.journal.judged.items():
        if message[0] == number.id:
            fates[_Message(*message).fate] += count
    complaints = state.lived.complaints.get(number.id) or Counter[str]()
    concerned = dict.fromkeys((number.id, number.pool_id, number.waba_id))
    changes = [change for subject in concerned for change in history.get(subject, [])]
    return {
        "phone_number_id": number.id,
        **{name: shown[name] for name in _SHOWN},
        "sends": {
            "accepted": fates["accepted"],
            "refused": fates["refused"],
            "failed": fates["failed"],
        },
        "complaints": {kind: complaints[kind] for kind in SEVERITY},
        "history": _told(sorted(changes, key=lambda each: each.at)),
    }


_SHOWN = ("display_phone_number", "status", "quality_rating", "messaging_limit", "counted_users")


def _template(template: Template, history: dict[str, list[Change]]) -> dict[str, Any]:
    return snapshot.template(template) | {"history": _told(history.get(template.id, []))}


def _told(changes: Iterable[Change]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in each.as_json().items() if name != "subject"}
        for each in changes
    ]
