"""Says what is wrong with a template that somebody wants to have.

Source: TOVR, 21 May 2026; TMAN, 2 Jul 2026; ERR, 12 Dec 2025 (R§6.4, R§7.5).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import orjson

from gateway.emulator import world
from gateway.emulator.errors import Refusal
from gateway.emulator.rules import template_texts

LONGEST_BODY = 1024
LONGEST_HEADER = LONGEST_FOOTER = 60
MOST_BUTTONS = 10
_NAME = re.compile(r"[a-z0-9_]{1,512}")
_LANGUAGE = re.compile(r"[a-z]{2,3}([_-][A-Za-z]{2,4})?")
_AT_AN_EDGE = re.compile(r"^\s*\{\{|\}\}\W*$")
_CATEGORIES = get_args(world.Category)
_FORMATS = get_args(world.ParameterFormat)
_HEADERS = frozenset({"TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION"})
_FOR_EVER = -1
# Seconds; -1 is the longest. Source: TTL (R§6.4).
_LIVES = {
    "AUTHENTICATION": range(30, 901),
    "UTILITY": range(30, 43_201),
    "MARKETING": range(43_200, 2_592_001),
}
_TOO_LONG, _HEADER, _BODY, _FOOTER, _EDGES = 2388040, 2388047, 2388072, 2388073, 2388299


@dataclass(frozen=True, slots=True)
class Definition:
    """A template as its owner wants it; every part is sound."""

    name: str
    language: str
    category: str
    components: list[dict[str, Any]]
    parameter_format: str
    message_send_ttl_seconds: int | None


def refused(title: str, message: str, subcode: int | None = None) -> Refusal:
    """Refuse with the words that Meta's pages show to a person (R§1.10)."""
    return Refusal(100, message, subcode=subcode, user_title=title, user_message=message)


def read(data: Mapping[str, Any]) -> Definition | Refusal:
    """Read and check a definition; `components` may be JSON in a string, as forms have it."""
    for key in ("name", "language", "category"):
        if not isinstance(data.get(key), str) or not data[key]:
            return refused("Parameter is missing", f"The parameter {key} is required.")
    life = _life(data.get("message_send_ttl_seconds"))
    wanted = Definition(
        name=data["name"],
        language=data["language"],
        category=data["category"].upper(),
        components=_components(data.get("components")),
        parameter_format=str(data.get("parameter_format") or "POSITIONAL").upper(),
        message_send_ttl_seconds=life,
    )
    return _problem(wanted) or _components_problem(wanted) or wanted


def _life(given: Any) -> int | None:
    """Read a whole number; what is none becomes 0, which no category allows."""
    if given is None:
        return None
    text = str(given)
    return int(text) if re.fullmatch(r"-?\d{1,9}", text) else 0


def _components(given: Any) -> list[dict[str, Any]]:
    if isinstance(given, str):
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            return []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        return []
    return given


def _problem(wanted: Definition) -> Refusal | None:
    if not _NAME.fullmatch(wanted.name):
        return refused(
            "Template name is not valid",
            "Use up to 512 lower-case letters, digits and underscores.",
        )
    if not _LANGUAGE.fullmatch(wanted.language):
        return refused("Language is not valid", f"The language {wanted.language} is not known.")
    if wanted.category not in _CATEGORIES:
        return refused("Category is not valid", f"The category {wanted.category} does not exist.")
    if wanted.parameter_format not in _FORMATS:
        return refused("Parameter format is not valid", "Use POSITIONAL or NAMED.")
    life = wanted.message_send_ttl_seconds
    allowed = _LIVES[wanted.category]
    if life is not None and life != _FOR_EVER and life not in allowed:
        span = f"{allowed.start} to {allowed.stop - 1} seconds, or -1"
        return refused("Time to live is not valid", f"Use {span} for {wanted.category}.")
    return None


def _components_problem(wanted: Definition) -> Refusal | None:
    by_type = {str(each.get("type", "")).upper(): each for each in wanted.components}
    if "BODY" not in by_type:
        return refused("Message body format is not valid", "A BODY component is required.", _BODY)
    return (
        _header_problem(by_type.get("HEADER", {"format": "TEXT"}))
        or _body_problem(wanted, by_type["BODY"])
        or _footer_problem(by_type.get("FOOTER", {}))
        or _buttons_problem(by_type.get("BUTTONS", {}))
    )


def _header_problem(header: Mapping[str, Any]) -> Refusal | None:
    title = "Message header format is not valid"
    if str(header.get("format", "")).upper() not in _HEADERS:
        return refused(title, f"Use one of {', '.join(sorted(_HEADERS))}.", _HEADER)
    content = template_texts.text(str(header.get("text", "")))
    if len(content.places) > 1:
        return refused(title, "A header has one parameter at most.", _HEADER)
    return _length_problem("header", content.text, LONGEST_HEADER)


def _body_problem(wanted: Definition, body: Mapping[str, Any]) -> Refusal | None:
    title = "Message body format is not valid"
    given = body.get("text")
    if wanted.category == "AUTHENTICATION" and given is None:
        return None  # Meta writes it
    if not isinstance(given, str) or not given:
        return refused(title, "The BODY component must have a text.", _BODY)
    places = template_texts.text(given).places
    if wanted.parameter_format == "POSITIONAL":
        if sorted(places) != sorted(str(at) for at in range(1, len(places) + 1)):
            return refused(title, "Count parameters {{1}}, {{2}} and so on.", _BODY)
    elif not all(re.fullmatch(r"[a-z_][a-z0-9_]*", place) for place in places):
        return refused(title, "Name parameters in lower case, as {{first_name}}.", _BODY)
    if wanted.category != "AUTHENTICATION" and _AT_AN_EDGE.search(given):
        message = "Parameters may not stand at the start or the end of the body."
        return refused("Parameter at an edge", message, _EDGES)
    return _length_problem("body", given, LONGEST_BODY)


def _footer_problem(footer: Mapping[str, Any]) -> Refusal | None:
    given = str(footer.get("text", ""))
    if template_texts.text(given).places:
        title = "Message footer format is not valid"
        return refused(title, "A footer has no parameters.", _FOOTER)
    return _length_problem("footer", given, LONGEST_FOOTER)


def _buttons_problem(component: Mapping[str, Any]) -> Refusal | None:
    buttons = component.get("buttons", [])
    if not isinstance(buttons, list) or not all(isinstance(each, dict) for each in buttons):
        return refused("Buttons are not valid", "The buttons must be a list of objects.")
    if len(buttons) > MOST_BUTTONS:
        return refused("Too many buttons", f"A template has {MOST_BUTTONS} buttons at most.")
    return None


def _length_problem(where: str, text: str, longest: int) -> Refusal | None:
    if len(text) <= longest:
        return None
    message = f"The {where} is longer than {longest} characters."
    return refused("Character limit exceeded", message, _TOO_LONG)
