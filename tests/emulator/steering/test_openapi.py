import json
import re
from typing import Any

import pytest

from gateway.emulator.state import State
from gateway.emulator.steering import openapi
from gateway.emulator.steering.doors import DOORS
from tests.emulator.conftest import Cloud

DOCUMENT = openapi.document(DOORS)
OPERATIONS = [
    (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


async def test_every_route_is_described_and_everything_described_is_a_route(cloud: Cloud) -> None:
    routes = {
        (route.method.lower(), route.resource.canonical)
        for route in cloud.client.app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/_emulator")
    }
    # aiohttp answers HEAD wherever there is a GET; the last route is for what is no door.
    real = {each for each in routes if each[0] not in {"head", "*"}}
    assert real == {(method, path) for method, path, _ in OPERATIONS}


async def test_it_is_served_as_it_is_written(cloud: Cloud) -> None:
    assert await cloud.told("/openapi.json") == json.loads(json.dumps(DOCUMENT))


def references(node: Any) -> set[str]:
    if isinstance(node, list):
        return {found for each in node for found in references(each)}
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    return own | {found for each in node.values() for found in references(each)}


def test_every_reference_leads_somewhere() -> None:
    found = references(DOCUMENT)
    assert "#/components/schemas/Scenario" in found
    schemas = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert found <= schemas
    assert "#/$defs" not in json.dumps(DOCUMENT)


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)
    assert all(operation["summary"].endswith(".") for _, _, operation in OPERATIONS)
    assert all(operation["responses"]["200"]["description"] for _, _, operation in OPERATIONS)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_the_parameters_of_a_path_are_those_in_it(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    declared = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
    assert declared == set(re.findall(r"{(\w+)}", path))
    assert ("requestBody" in operation) <= (method == "post")


def test_a_function_takes_what_its_path_names() -> None:
    for each in DOORS:
        names = each.answer.__code__.co_varnames[: each.answer.__code__.co_argcount]
        assert set(names[1:]) - {"body", "query"} == set(re.findall(r"{(\w+)}", each.path))
        assert each.answer.__annotations__[names[0]] is State


def test_a_query_is_described_field_by_field() -> None:
    parameters = DOCUMENT["paths"]["/_emulator/sends"]["get"]["parameters"]
    assert [each["name"] for each in parameters] == ["phone_number_id", "user", "since", "limit"]
    assert not any(each["required"] for each in parameters)


def test_a_body_is_described_by_its_model() -> None:
    body = DOCUMENT["paths"]["/_emulator/inbound"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Inbound"}
    inbound = DOCUMENT["components"]["schemas"]["Inbound"]
    assert {"from", "phone_number_id"} <= inbound["properties"].keys()
