"""Turns a plain function into a door of the steering interface."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from gateway.emulator.graph import answers
from gateway.emulator.state import State
from gateway.emulator.steering.scenario import BadScenario

PREFIX = "/_emulator"


@dataclass(frozen=True, slots=True)
class Door:
    """A method, a path under the prefix, and the function that answers.

    The function takes the state, the fields of the path by name and, if it has parameters of these
    names, `body` and `query`, which are pydantic models. It returns JSON data or a whole answer;
    ValueError is answered with 400, LookupError with 404.
    """

    method: str
    path: str
    answer: Callable[..., Awaitable[Any]]
    body: type[BaseModel] | None
    query: type[BaseModel] | None

    @property
    def summary(self) -> str:
        """The first line of what the function says about itself."""
        return (inspect.getdoc(self.answer) or "").splitlines()[0]

    @property
    def description(self) -> str:
        """All that the function says about itself, as one paragraph a line."""
        paragraphs = (inspect.getdoc(self.answer) or "").split("\n\n")
        return "\n".join(" ".join(each.split()) for each in paragraphs)


def door(method: str, path: str, answer: Callable[..., Awaitable[Any]]) -> Door:
    """Make a door; what it reads from a request is told by the function's annotations."""
    hints = get_type_hints(answer)
    return Door(method, path, answer, hints.get("body"), hints.get("query"))


def route(state: State, each: Door) -> web.RouteDef:
    """Build the route of a door."""

    async def handle(request: web.Request) -> web.StreamResponse:
        state.now()
        try:
            return await _answer(state, each, request)
        except ValidationError as error:
            return answers.json({"error": _first_problem(error)}, 400)
        except (ValueError, BadScenario) as error:
            return answers.json({"error": str(error)}, 400)
        except LookupError as error:
            return answers.json({"error": str(error.args[0])}, 404)

    return web.route(each.method, PREFIX + each.path, handle)


async def _answer(state: State, each: Door, request: web.Request) -> web.StreamResponse:
    given: dict[str, Any] = dict(request.match_info)
    if each.query is not None:
        given["query"] = each.query.model_validate(dict(request.query))
    if each.body is not None:
        given["body"] = each.body.model_validate(_object(await request.read()))
    told = await each.answer(state, **given)
    return told if isinstance(told, web.StreamResponse) else answers.json(told)


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ValueError("body: not valid JSON") from error
    if not isinstance(data, dict):
        raise ValueError("body: must be a JSON object")  # noqa: TRY004 - the sender's mistake
    return data


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{field}: {first['msg'].removeprefix('Value error, ')}"
