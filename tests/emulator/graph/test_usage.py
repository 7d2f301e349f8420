"""The calls of governance that an app has for an account. Source: ABOUT, G-RATE (R§5.3)."""

import orjson

from gateway.emulator.graph import usage
from gateway.emulator.graph.usage import Usage
from tests.emulator.conftest import FIRST, PORTFOLIO, WABA, Cloud, Start, template

CAP = 10


def used(headers: object) -> dict[str, int]:
    assert isinstance(headers, dict)
    found: dict[str, int] = orjson.loads(headers["X-Business-Use-Case-Usage"])["1"][0]
    return found


def test_calls_beyond_the_cap_are_refused_until_the_hour_is_over() -> None:
    calls = Usage()
    assert [calls.note("1", CAP, 0.0) for _ in range(CAP)] == [None] * CAP
    refusal = calls.note("1", CAP, 60.0)
    assert refusal is not None
    assert refusal.code == 80008
    assert calls.note("2", CAP, 60.0) is None
    assert calls.note("1", CAP, 3600.0) is None


def test_calling_on_lengthens_the_block() -> None:
    calls = Usage()
    for at in range(2 * CAP):
        calls.note("1", CAP, at * 60.0)
    assert calls.note("1", CAP, 3600.0) is not None
    assert used(calls.headers("1", CAP, 3600.0))["estimated_time_to_regain_access"] == 11


def test_usage_is_told_in_percent_and_minutes() -> None:
    calls = Usage()
    assert used(calls.headers("1", CAP, 0.0))["call_count"] == 0
    for _ in range(5):
        calls.note("1", CAP, 0.0)
    half = used(calls.headers("1", CAP, 0.0))
    assert (half["call_count"], half["estimated_time_to_regain_access"]) == (50, 0)
    for _ in range(9):
        calls.note("1", CAP, 0.0)
    full = used(calls.headers("1", CAP, 1800.0))
    assert (full["call_count"], full["estimated_time_to_regain_access"]) == (100, 30)


async def idle(start: Start) -> Cloud:
    number = {"phone_number_id": FIRST, "display_phone_number": "+1 555-000-1111"}
    number |= {"waba_id": WABA, "portfolio_id": PORTFOLIO}
    return await start(numbers=[number | {"is_registered": False}])


async def test_an_account_without_a_registered_number_has_200_calls_an_hour(start: Start) -> None:
    cloud = await idle(start)
    state = cloud.emulator.state
    for _ in range(usage.ORDINARY_CAP - 1):
        state.usage.note(WABA, usage.ORDINARY_CAP, state.now())
    last = await cloud.call("GET", f"/{FIRST}")
    assert last.status == 200
    app = orjson.loads(last.headers["X-App-Usage"])
    assert app == {"call_count": 100, "total_cputime": 25, "total_time": 33}
    over = await cloud.call("GET", f"/{WABA}/phone_numbers")
    assert (over.status, (await over.json())["error"]["code"]) == (400, 80008)
    (told,) = orjson.loads(over.headers["X-Business-Use-Case-Usage"])[WABA]
    assert told["type"] == "whatsapp_business_management"
    assert told["estimated_time_to_regain_access"] == 60
    cloud.clock.advance(3600)
    assert (await cloud.call("GET", f"/{WABA}")).status == 200


async def test_an_active_account_has_5000(cloud: Cloud) -> None:
    state = cloud.emulator.state
    for _ in range(usage.ACTIVE_CAP - 1):
        state.usage.note(WABA, usage.ACTIVE_CAP, state.now())
    assert (await cloud.get(f"/{WABA}/message_templates"))["http"] == 200
    assert (await cloud.get(f"/{WABA}/subscribed_apps"))["error"]["code"] == 80008


async def test_the_cap_is_a_knob_and_its_status_another(start: Start) -> None:
    """Source: R§12.1 row 8."""
    cloud = await idle(start)
    state = cloud.emulator.state
    for _ in range(usage.ORDINARY_CAP):
        state.usage.note(WABA, usage.ORDINARY_CAP, state.now())
    await cloud.steer("/knobs", throttle_http_status=429)
    assert (await cloud.get(f"/{FIRST}"))["http"] == 429
    await cloud.steer("/knobs", management_cap=False)
    assert (await cloud.get(f"/{FIRST}"))["http"] == 200


async def test_messages_and_other_edges_are_not_counted(cloud: Cloud) -> None:
    await cloud.send(template())
    answer = await cloud.call("GET", f"/{FIRST}/whatsapp_business_profile")
    assert "X-App-Usage" not in answer.headers
    (told,) = orjson.loads(
        (await cloud.call("GET", f"/{FIRST}")).headers["X-Business-Use-Case-Usage"]
    )[WABA]
    assert told["call_count"] == 0
    assert not usage.is_governance("POST", "messages", of_number=True)
    assert usage.is_governance("DELETE", "message_templates", of_number=False)
