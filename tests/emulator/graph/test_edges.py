from typing import Any

import pytest

from tests.emulator.conftest import ANA, FIRST, JUNK, LONE, WABA, Cloud, spoiled


async def test_an_unknown_edge_is_said_so(cloud: Cloud) -> None:
    for node in (FIRST, WABA):
        answer = await cloud.get(f"/{node}/no_such_edge")
        assert (answer["http"], answer["error"]["code"]) == (400, 2500)


async def test_a_method_that_an_edge_does_not_have_is_unsupported(cloud: Cloud) -> None:
    """Graph says so as it says that an object is unknown: code 100, subcode 33."""
    for method, path in (
        ("DELETE", f"/{FIRST}"),
        ("PUT", f"/{FIRST}/block_users"),
        ("GET", f"/{FIRST}/register"),
        ("POST", f"/{WABA}/phone_numbers"),
    ):
        answer = await cloud.call(method, path)
        error = (await answer.json())["error"]
        assert (answer.status, error["code"], error["error_subcode"]) == (400, 100, 33)
        assert error["message"].startswith(f"Unsupported {method.lower()} request")


async def test_a_missing_parameter_is_named(cloud: Cloud) -> None:
    answer = await (await cloud.call("POST", f"/{FIRST}/register", json={})).json()
    assert answer["error"]["message"] == "(#100) The parameter pin is required."


CALLS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", f"/{LONE}/register", {"pin": "123456", "data_localization_region": "DE"}),
    ("POST", f"/{LONE}/request_code", {"code_method": "SMS", "language": "en"}),
    ("POST", f"/{LONE}/verify_code", {"code": "123456"}),
    ("POST", f"/{LONE}/settings", {"storage_configuration": {"status": "X"}}),
    ("POST", f"/{LONE}/calls", {"action": "connect", "to": ANA}),
    ("POST", f"/{LONE}/calls", {"action": "terminate", "call_id": "wacid.x"}),
    ("POST", f"/{LONE}/block_users", {"block_users": [{"user": ANA}]}),
    ("POST", f"/{LONE}/groups", {"subject": "x", "participants": [{"user": ANA}]}),
    ("POST", f"/{LONE}/thread_control", {"action": "pass", "to": ANA}),
    ("POST", f"/{WABA}/message_templates", {"name": "a", "language": "en", "category": "UTILITY"}),
    ("DELETE", f"/{WABA}/message_templates", {"name": "nobody", "hsm_id": "1"}),
    ("DELETE", f"/{WABA}/message_templates", {"name": "promo", "hsm_id": "1"}),
    ("POST", "/600000000000002", {"components": [{"type": "BODY", "text": "x"}]}),
)


@pytest.mark.parametrize("junk", JUNK, ids=repr)
async def test_a_call_with_junk_in_it_is_answered(cloud: Cloud, junk: Any) -> None:
    await cloud.call("POST", f"/{LONE}/settings", json={"calling": {"status": "ENABLED"}})
    for method, path, whole in CALLS:
        for body in spoiled(whole, junk):
            answer = await cloud.call(method, path, json=body)
            assert answer.content_type == "application/json", (path, body)
            assert answer.status < 500, (path, body)
            cloud.clock.advance(4 * 86_400)
