"""Describes a scenario, which is one TOML file: a world, its faults and what happens when."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from gateway.emulator import identity
from gateway.emulator.graph.faults import Fault
from gateway.emulator.knobs import Knobs
from gateway.emulator.steering import bodies
from gateway.emulator.world import World

_SHIPPED = Path(__file__).parent.parent / "scenarios"
_SECONDS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[dhms]\s*)+")
_PART = re.compile(r"([\d.]+)([dhms])")


class BadScenario(Exception):  # noqa: N818 - named after what happened
    """The file makes no sense; says in one line where and why."""


def _seconds(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    if not _DURATION.fullmatch(given.strip()):
        raise ValueError('write seconds, or a text like "2d 3h" or "90m"')
    return sum(float(count) * _SECONDS[unit] for count, unit in _PART.findall(given))


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Event(_Table):
    """Something that happens `at` so long after the start: seconds, or a text like "2d 3h".

    Exactly one of the others says what; their tables are the bodies of the steering interface.
    `knobs` turns those that are named, `disarm` ends all faults.
    """

    at: Annotated[float, BeforeValidator(_seconds), Field(ge=0.0)]
    inbound: bodies.Inbound | None = None
    number: bodies.NumberEvent | None = None
    template: bodies.TemplateEvent | None = None
    restriction: bodies.NewRestriction | None = None
    preference: bodies.Preference | None = None
    user: bodies.UserEvent | None = None
    knobs: Knobs | None = None
    fault: Fault | None = None
    disarm: Literal[True] | None = None

    @property
    def kind(self) -> str:
        """Say what happens in one word."""
        return next(name for name in _KINDS if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if sum(getattr(self, name) is not None for name in _KINDS) != 1:
            raise ValueError(f"exactly one of {', '.join(_KINDS)} is needed")
        return self


_KINDS = tuple(name for name in Event.model_fields if name != "at")


class Scenario(_Table):
    """A world and its story; everything that is left out is as in an ordinary emulator.

    The clock begins at `start` (left out: the present) and runs `speed` times as fast as real
    time; with 0 it moves only when told to. Raises `pydantic.ValidationError` when an event is
    about something that is not in the world.
    """

    name: str = ""
    description: str = ""
    seed: int = 0
    mode: Literal["enforce", "observe"] = "enforce"
    start: AwareDatetime | None = None
    speed: float = Field(default=1.0, ge=0.0)
    knobs: Knobs = Field(default_factory=Knobs)
    world: World = Field(default_factory=World)
    faults: list[Fault] = Field(default_factory=list)
    events: list[Event] = Field(default_factory=list)

    @model_validator(mode="after")
    def _events_are_about_the_world(self) -> Self:
        for place, event in enumerate(self.events, start=1):
            wrong = next(_strangers(event, self.world), None)
            if wrong is not None:
                raise ValueError(f"[[events]] {place}: {event.kind}.{wrong}")
        return self


def _strangers(event: Event, world: World) -> Iterator[str]:
    """Yield the fields of an event that name something unknown, each with what is wrong."""
    wabas = {each.waba_id for each in world.numbers} | {each.id for each in world.wabas}
    known = {
        "phone_number_id": {each.phone_number_id for each in world.numbers},
        "waba_id": wabas | {each.waba_id for each in world.templates},
        "name": {each.name for each in world.templates},
    }
    for deed in (event.inbound, event.number, event.template, event.restriction, event.preference):
        for field in known if deed is not None else ():
            if field == "name" and deed is not event.template:
                continue
            named = getattr(deed, field, None)
            if named is not None and named not in known[field]:
                yield f"{field}: {named} is not in the world"
    for field, writer in (("from", event.inbound), ("user", event.preference)):
        if writer is not None and not _is_person(writer.user):
            yield f"{field}: {writer.user!r} is not a phone number"


def _is_person(text: str) -> bool:
    return identity.is_bsuid(text) or identity.wa_id_of(text, "") is not None


class Choice(_Table):
    """Which scenario to play: a shipped one by `name`, a file's text, or the tables as JSON."""

    name: str | None = None
    toml: str | None = None
    scenario: Scenario | None = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if sum(each is not None for each in (self.name, self.toml, self.scenario)) != 1:
            raise ValueError("exactly one of name, toml and scenario is needed")
        return self

    def read(self) -> Scenario:
        """Give the scenario; raises BadScenario."""
        if self.scenario is not None:
            return self.scenario
        if self.toml is not None:
            return parse(self.toml, "toml")
        return shipped(self.name or "")


def named(text: str) -> Scenario:
    """Read the file of this name if there is one, else the shipped scenario; raises BadScenario.

    A shipped one may be named with its `.toml`, too.
    """
    path = Path(text)
    if path.is_file() or (path.suffix == ".toml" and text.removesuffix(".toml") not in names()):
        return read(path)
    return shipped(text.removesuffix(".toml"))


def shipped(name: str) -> Scenario:
    """Read a scenario that comes with the emulator; raises BadScenario."""
    if name not in names():
        raise BadScenario(f"{name}: no such scenario; there are {', '.join(names())}")
    return read(_SHIPPED / f"{name}.toml")


def names() -> list[str]:
    """List the scenarios that come with the emulator."""
    return sorted(path.stem for path in _SHIPPED.glob("*.toml"))


def read(path: Path) -> Scenario:
    """Read a scenario's file; raises BadScenario."""
    return parse(_text(path), path.name)


def parse(text: str, source: str) -> Scenario:
    """Read a scenario's text; `source` is what errors begin with. Raises BadScenario."""
    try:
        return Scenario.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadScenario(f"{source}: {error}") from error
    except ValidationError as error:
        raise BadScenario(f"{source}: {problem(error)}") from error


def read_world(path: Path) -> World:
    """Read a world alone, in TOML or, whatever the file's name, in JSON; raises BadScenario."""
    text = _text(path)
    try:
        is_toml = path.suffix == ".toml"
        return World.model_validate(tomllib.loads(text) if is_toml else orjson.loads(text))
    except (tomllib.TOMLDecodeError, orjson.JSONDecodeError) as error:
        raise BadScenario(f"{path.name}: {error}") from error
    except ValidationError as error:
        raise BadScenario(f"{path.name}: {problem(error)}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadScenario(f"{path.name}: {getattr(error, 'strerror', None) or error}") from error


def problem(error: ValidationError) -> str:
    """Say the first thing that is wrong: its table, its field and why."""
    first = error.errors()[0]
    reason = first["msg"].removeprefix("Value error, ")
    where = _place(first["loc"])
    return f"{where}: {reason}" if where else reason


def _place(steps: tuple[int | str, ...]) -> str:
    """Write a place as TOML does: `[[events]] 3: number.status` is the third of its tables."""
    index = next((at for at, step in enumerate(steps) if isinstance(step, int)), None)
    if index is None:
        *tables, field = [str(step) for step in steps] or [""]
        return f"[{'.'.join(tables)}] {field}" if tables else field
    table = ".".join(str(step) for step in steps[:index])
    field = ".".join(str(step) for step in steps[index + 1 :])
    place = f"[[{table}]] {int(steps[index]) + 1}"
    return f"{place}: {field}" if field else place


def changed(scenario: Scenario, **changes: float | str | None) -> Scenario:
    """Give the same scenario with another seed, mode or speed; None keeps its own."""
    return scenario.model_copy(update={k: v for k, v in changes.items() if v is not None})


def telling(scenario: Scenario, webhook_url: str | None) -> Scenario:
    """Give the same scenario with a receiver of webhooks, if it names none of its own."""
    if webhook_url is None or scenario.world.webhook_url is not None:
        return scenario
    world = scenario.world.model_copy(update={"webhook_url": webhook_url})
    return scenario.model_copy(update={"world": world})
