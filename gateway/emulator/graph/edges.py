"""Answers the edges of a node from a table that says which method does what."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from aiohttp import web

from gateway.emulator.errors import Refusal, unknown_object, unknown_path
from gateway.emulator.graph import answers, paging, request_body
from gateway.emulator.graph.node_fields import NonexistentFieldError
from gateway.emulator.state import State

_Node = TypeVar("_Node")
Done = dict[str, Any] | list[dict[str, Any]] | Refusal | web.Response
# What is done at an edge with the parameters of a request, taken from its body and its query.
Deed = Callable[[State, _Node, dict[str, Any]], Done]
Table = Mapping[str, Mapping[str, Deed[_Node]]]

SUCCESS = {"success": True}


async def answer(
    state: State, request: web.Request, target: tuple[_Node, str, str], table: Table[_Node]
) -> web.StreamResponse:
    """Answer a request to a node, its id and an edge; a list is cut into pages.

    2500 for an edge that is not in the table, 100 with subcode 33 for a method that is not.
    """
    node, node_id, edge = target
    if edge not in table:
        return answers.refusal(state, unknown_path(edge))
    deed = table[edge].get(request.method)
    if deed is None:
        return answers.refusal(state, unknown_object(node_id, request.method))
    given = await request_body.read(request)
    if isinstance(given, Refusal):
        return answers.refusal(state, given)
    try:
        done = deed(state, node, given)
    except NonexistentFieldError as error:
        return answers.refusal(state, error.refusal)
    return _written(state, request, done)


def _written(state: State, request: web.Request, done: Done) -> web.StreamResponse:
    match done:
        case Refusal():
            return answers.refusal(state, done)
        case list():
            return answers.json(paging.page(request, done))
        case dict():
            return answers.json(done)
        case _:
            return done


def missing(given: dict[str, Any], *names: str) -> Refusal | None:
    """Refuse with code 100 when a parameter is not there."""
    absent = next((name for name in names if given.get(name) is None or given[name] == ""), None)
    if absent is None:
        return None
    text = f"(#100) The parameter {absent} is required."
    return Refusal(100, text, message=text)
