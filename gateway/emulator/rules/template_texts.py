"""Reads from a template's own components which parameters a message must bring along."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_DYNAMIC_TYPES = {"URL": "url", "COPY_CODE": "copy_code"}


@dataclass(frozen=True, slots=True)
class Text:
    """A text with places to fill in: "1", "2" or names, each once, in order of appearance."""

    text: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Button:
    """A button by its type in lower case, and whether a message must bring something for it."""

    type: str
    needs_parameter: bool

    @property
    def takes_nothing(self) -> bool:
        """Whether nothing can be brought: a telephone, or a URL without a place in it."""
        return self.type in {"phone_number", "url"} and not self.needs_parameter


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a template wants filled in; `header_format` "NONE" is no header.

    `body` None is a body that is not known, as that of an authentication template which Meta
    words itself. When it `is_nothing`, a message without components is complete.
    """

    header_format: str = "NONE"
    header: Text = Text("", ())
    body: Text | None = None
    buttons: tuple[Button, ...] = ()
    is_nothing: bool = True


@dataclass(slots=True)
class Lesson:
    """What was learnt of one template: what its components want, and what was right last.

    `right` are the components of the last message that was as it should be: a campaign repeats
    itself, and comparing costs a tenth of checking.
    """

    components: list[dict[str, Any]]
    expected: Expectation
    right: list[dict[str, Any]] | None = None


def read(components: list[dict[str, Any]]) -> Expectation:
    """Read components as the Graph API lists them; what is not understood wants nothing."""
    by_type = {str(each.get("type", "")).upper(): each for each in components}
    header_format = "NONE"
    if "HEADER" in by_type:
        header_format = str(by_type["HEADER"].get("format", "TEXT")).upper()
    header = text(str(by_type.get("HEADER", {}).get("text", "")))
    content = by_type.get("BODY", {}).get("text")
    body = text(content) if isinstance(content, str) else None
    listed = by_type.get("BUTTONS", {}).get("buttons", [])
    buttons = tuple(_button(each) for each in listed if isinstance(each, dict))
    is_plain = header_format in {"NONE", "TEXT"} and not header.places
    is_nothing = is_plain and not (body and body.places)
    return Expectation(
        header_format=header_format,
        header=header,
        body=body,
        buttons=buttons,
        is_nothing=is_nothing and not any(each.needs_parameter for each in buttons),
    )


def text(content: str) -> Text:
    """Find the places of a text that are to be filled in."""
    return Text(content, tuple(dict.fromkeys(_PLACEHOLDER.findall(content))))


def filled_in(template: Text, values: Mapping[str, str]) -> str:
    """Write the text a user gets to see."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template.text)


def _button(button: dict[str, Any]) -> Button:
    kind = str(button.get("type", "")).upper()
    is_dynamic = kind == "COPY_CODE" or (kind == "URL" and "{{" in str(button.get("url", "")))
    return Button(_DYNAMIC_TYPES.get(kind, kind.lower()), is_dynamic)
