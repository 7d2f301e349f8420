"""Describes the steering interface as OpenAPI 3.1, from the doors themselves."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.emulator.steering.door import PREFIX, Door

_REFERENCE = "#/components/schemas/{model}"
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "The field, and what is wrong."}},
}
_Json = dict[str, Any]


def document(doors: Sequence[Door]) -> _Json:
    """Write the document; a door's docstring and annotations say everything about it."""
    bodies = [each.body for each in doors if each.body is not None]
    refs, schemas = models_json_schema(
        [(body, "validation") for body in dict.fromkeys(bodies)], ref_template=_REFERENCE
    )
    paths: dict[str, _Json] = {}
    for each in doors:
        body = None if each.body is None else refs[each.body, "validation"]
        paths.setdefault(PREFIX + each.path, {})[each.method.lower()] = _operation(each, body)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Cloud API emulator: steering",
            "version": "1",
            "description": "What Meta does not have: turns the emulated world and tells of it.",
        },
        "paths": paths,
        "components": {"schemas": schemas.get("$defs", {}) | {"Error": _ERROR}},
    }


def _operation(each: Door, body: _Json | None) -> _Json:
    words = re.findall(r"[a-z]+", each.path) or ["page"]
    operation: _Json = {
        "operationId": "_".join([each.method.lower(), *words]),
        "summary": each.summary,
        "description": each.description,
        "parameters": [*_of_path(each), *_of_query(each.query)],
        "responses": _responses(each),
    }
    if body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body}},
        }
    return operation


def _of_path(each: Door) -> list[_Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", each.path)
    ]


def _of_query(query: type[BaseModel] | None) -> list[_Json]:
    if query is None:
        return []
    schema = query.model_json_schema()
    return [
        {"name": name, "in": "query", "required": False, "schema": field}
        for name, field in schema["properties"].items()
    ]


def _responses(each: Door) -> _Json:
    error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    said: _Json = {"200": {"description": each.description.splitlines()[-1]}}
    if each.body is not None or each.query is not None:
        said["400"] = {"description": "A field makes no sense.", **error}
    if each.method == "POST":
        said["404"] = {"description": "What is named is unknown.", **error}
    return said
