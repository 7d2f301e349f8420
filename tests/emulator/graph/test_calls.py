"""Calls from a business to its users. Source: CALL, 13 Nov 2025 (R§1.9, R§7.7)."""

from typing import Any

import pytest

from tests.emulator.conftest import ANA, BEN, LONE, WABA, Cloud, text

ASKING: dict[str, Any] = {"type": "interactive", "interactive": {"type": "call_permission_request"}}


async def call(cloud: Cloud, action: str = "connect", **more: Any) -> Any:
    body = {"messaging_product": "whatsapp", "to": ANA, "action": action} | more
    return await (await cloud.call("POST", f"/{LONE}/calls", json=body)).json()


async def turn_on(cloud: Cloud, status: str = "ENABLED") -> None:
    await cloud.call("POST", f"/{LONE}/settings", json={"calling": {"status": status}})


async def ask(cloud: Cloud) -> Any:
    await cloud.write(ANA, LONE)
    return await cloud.send(text(**ASKING), LONE)


async def permission(cloud: Cloud) -> Any:
    return await cloud.get(f"/{LONE}/call_permissions?user_wa_id={ANA[1:]}")


async def test_calling_is_off_until_it_is_turned_on(cloud: Cloud) -> None:
    answer = await cloud.call("POST", f"/{LONE}/calls", json={"to": ANA, "action": "connect"})
    assert (answer.status, (await answer.json())["error"]["code"]) == (401, 138000)


async def test_a_call_needs_permission_and_ends_once(cloud: Cloud) -> None:
    await turn_on(cloud)
    assert (await call(cloud))["error"]["code"] == 138006
    assert (await ask(cloud))["http"] == 200
    call_id = (await call(cloud))["calls"][0]["id"]
    assert (await call(cloud, "terminate", call_id=call_id))["success"] is True
    assert (await call(cloud, "terminate", call_id=call_id))["error"]["code"] == 100


async def test_a_permission_lasts_seven_days(cloud: Cloud) -> None:
    await turn_on(cloud)
    await ask(cloud)
    assert (await permission(cloud))["permission"]["status"] == "temporary"
    cloud.clock.advance(7 * 86_400)
    assert (await permission(cloud))["permission"] == {"status": "no_permission"}
    assert (await call(cloud))["error"]["code"] == 138006


async def test_ten_calls_a_day_are_connected(cloud: Cloud) -> None:
    """Source: R§12.1 row 27."""
    await turn_on(cloud)
    await ask(cloud)
    answers = [await call(cloud) for _ in range(11)]
    assert [each.get("success") for each in answers] == [True] * 10 + [None]
    assert answers[10]["error"]["code"] == 138012
    cloud.clock.advance(86_400)
    assert (await call(cloud))["success"] is True


async def test_the_limits_are_shown_as_they_are_used(cloud: Cloud) -> None:
    await ask(cloud)
    asking, calling = (await permission(cloud))["actions"]
    assert (asking["action_name"], asking["can_perform_action"]) == (
        "send_call_permission_request",
        False,
    )
    assert [each["current_usage"] for each in asking["limits"]] == [1, 1]
    assert [each["max_allowed"] for each in asking["limits"]] == [1, 2]
    assert (calling["action_name"], calling["can_perform_action"]) == ("start_call", True)


async def test_a_restriction_of_calling_forbids_calls(cloud: Cloud) -> None:
    """Source: W-ACC, 21 May 2026 (R§6.2)."""
    await turn_on(cloud)
    await ask(cloud)
    kind = "RESTRICTED_BUSINESS_INITIATED_CALLING"
    await cloud.steer("/restrictions", waba_id=WABA, restriction_type=kind, duration_s=60)
    assert (await call(cloud))["error"]["code"] == 368


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"to": "nobody"}, 131009),
        ({"to": 1}, 100),
        ({"action": None}, 100),
        ({"action": "sing"}, 100),
        ({"action": "terminate"}, 100),
        ({"to": BEN}, 138006),
    ],
)
async def test_what_makes_no_sense_is_refused(
    cloud: Cloud, change: dict[str, Any], code: int
) -> None:
    await turn_on(cloud)
    await ask(cloud)
    assert (await call(cloud, **change))["error"]["code"] == code
