"""Compares the parameters of a template message with those its template wants.

Source: ERR, 12 Dec 2025; OAPI (R§1.3, R§7.5). A template whose components are unknown takes all.
"""

from typing import Any

from gateway.emulator.registry import Template
from gateway.emulator.rules import template_texts
from gateway.emulator.rules.case import Case, Finding
from gateway.emulator.rules.template_texts import Button, Expectation, Lesson, Text

LONGEST_BODY = 1024
LONGEST_HEADER = 60
_MISSING, _COUNT, _TOO_LONG, _FORMAT, _INVALID = 131008, 132000, 132005, 132012, 132018
_MEDIA = frozenset({"IMAGE", "VIDEO", "DOCUMENT"})
# A parameter of these types stands for a text, which is found under this name.
_TEXTS = {"text": "text", "currency": "fallback_value", "date_time": "fallback_value"}

_Problem = tuple[int, str]
_Parameters = list[dict[str, Any]]


def template_parameters(case: Case) -> Finding | None:
    """Refuse what cannot be filled into the template: 132000, 132005, 132012, 131008, 132018."""
    template = case.template
    if template is None or not template.components:
        return None
    lesson = _lesson(case, template)
    given = case.send.payload.get("components")
    if given == lesson.right and given is not None:
        return None
    expected = lesson.expected
    # An authentication template without its button, which every real one has, is only sketched.
    is_sketch = template.category == "AUTHENTICATION" and not expected.buttons
    if is_sketch or (not given and expected.is_nothing):
        return None
    problem = _problem(expected, given or [], is_named=template.parameter_format == "NAMED")
    if problem is not None:
        return Finding("template_parameters", *problem)
    lesson.right = given
    return None


def _lesson(case: Case, template: Template) -> Lesson:
    """Read a template's components once; an edit replaces the list, which is how it is noticed."""
    known = case.memory.lessons.get(template.id)
    if known is None or known.components is not template.components:
        components = template.components
        known = Lesson(components, template_texts.read(components))
        case.memory.lessons[template.id] = known
    return known


def _problem(
    expected: Expectation, given: list[dict[str, Any]], *, is_named: bool
) -> _Problem | None:
    header: _Parameters = []
    body: _Parameters = []
    buttons: list[dict[str, Any]] = []
    for component in given:
        parameters = component.get("parameters", [])
        if not isinstance(parameters, list) or not all(isinstance(x, dict) for x in parameters):
            return 100, "template.components.parameters must be a list of objects."
        match str(component.get("type", "")).lower():
            case "header":
                header += parameters
            case "body":
                body += parameters
            case "button":
                buttons.append(component)
    return (
        _header_problem(expected, header, is_named=is_named)
        or (expected.body and _body_problem(expected.body, body, is_named=is_named))
        or _buttons_problem(expected.buttons, buttons)
    )


def _header_problem(
    expected: Expectation, given: _Parameters, *, is_named: bool
) -> _Problem | None:
    wanted = expected.header_format
    if wanted not in _MEDIA and wanted != "LOCATION":
        return _text_problem("header", expected.header, given, is_named=is_named) or (
            _length_problem("header", expected.header, given, LONGEST_HEADER)
        )
    received = str(given[0].get("type", "UNKNOWN")).upper() if given else "UNKNOWN"
    if received != wanted:
        return _FORMAT, f"header: Format mismatch, expected {wanted}, received {received}"
    if len(given) > 1:
        return _count_problem("header", len(given), 1)
    content = given[0].get(wanted.lower())
    if not isinstance(content, dict):
        return _MISSING, f"header: the parameter {wanted.lower()} is required"
    if wanted in _MEDIA and not (content.get("id") or content.get("link")):
        return _MISSING, f"header: {wanted.lower()} must have an id or a link"
    return None


def _body_problem(expected: Text, given: _Parameters, *, is_named: bool) -> _Problem | None:
    return _text_problem("body", expected, given, is_named=is_named) or _length_problem(
        "body", expected, given, LONGEST_BODY
    )


def _text_problem(
    where: str, expected: Text, given: _Parameters, *, is_named: bool
) -> _Problem | None:
    if len(given) != len(expected.places):
        return _count_problem(where, len(given), len(expected.places))
    for parameter in given:
        kind = str(parameter.get("type"))
        if kind not in _TEXTS:
            return _FORMAT, f"{where}: Format mismatch, expected TEXT, received {kind}"
        if ("parameter_name" in parameter) != is_named:
            form = "named" if is_named else "positional"
            return _FORMAT, f"{where}: the parameters of this template are {form}"
        if not _text_of(parameter):
            return _MISSING, f"{where}: Parameter of type {kind} is missing its text value"
    if is_named and {str(each["parameter_name"]) for each in given} != set(expected.places):
        return _FORMAT, f"{where}: the parameters are named {', '.join(expected.places)}"
    return None


def _text_of(parameter: dict[str, Any]) -> str:
    kind = parameter["type"]
    content = parameter if kind == "text" else parameter.get(kind)
    value = content.get(_TEXTS[kind]) if isinstance(content, dict) else None
    return value if isinstance(value, str) else ""


def _count_problem(where: str, given: int, expected: int) -> _Problem:
    found = f"number of localizable_params ({given})"
    return _COUNT, f"{where}: {found} does not match the expected number of params ({expected})"


def _length_problem(
    where: str, expected: Text, given: _Parameters, longest: int
) -> _Problem | None:
    if not expected.places:
        return None
    longest_value = max(len(_text_of(each)) for each in given)
    if len(expected.text) + expected.text.count("{{") * longest_value <= longest:
        return None  # whatever comes where
    values = {
        str(parameter.get("parameter_name", place)): _text_of(parameter)
        for place, parameter in zip(_in_order(expected), given, strict=True)
    }
    length = len(template_texts.filled_in(expected, values))
    if length <= longest:
        return None
    return _TOO_LONG, f"{where}: the text is {length} characters long, {longest} are allowed"


def _in_order(expected: Text) -> list[str]:
    """Put positional places in the order in which parameters come: {{1}} before {{2}}."""
    is_counted = all(place.isdecimal() for place in expected.places)
    return sorted(expected.places, key=int) if is_counted else list(expected.places)


def _buttons_problem(expected: tuple[Button, ...], given: list[dict[str, Any]]) -> _Problem | None:
    served = set()
    for button in given:
        index = str(button.get("index", ""))
        if not index.isdecimal() or int(index) >= len(expected):
            return _INVALID, f"buttons: There is no button at index {index}"
        problem = _button_problem(expected[int(index)], button)
        if problem is not None:
            return problem
        if button.get("parameters"):
            served.add(int(index))
    for at, each in enumerate(expected):
        if each.needs_parameter and at not in served:
            kind = each.type.capitalize()
            return _MISSING, f"buttons: Button at index {at} of type {kind} requires a parameter"
    return None


def _button_problem(expected: Button, given: dict[str, Any]) -> _Problem | None:
    at = given["index"]
    if expected.takes_nothing:
        kind = expected.type.capitalize()
        return 100, f"buttons: Button at index {at} is of type {kind} and takes no parameters"
    kind = str(given.get("sub_type", "")).lower()
    # The button of an authentication template is an OTP button here and a URL button there.
    if expected.type not in {kind, "otp"}:
        return _INVALID, f"buttons: Button at index {at} is of type {expected.type}, not {kind}"
    return None
