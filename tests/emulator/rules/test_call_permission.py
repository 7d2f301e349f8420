"""How often a user may be asked for a call. Source: CALL, 13 Nov 2025 (R§1.9)."""

from typing import Any

from tests.emulator.conftest import ANA, BEN, FIRST, WABA, Cloud, Start, template, text

DAY_S = 86_400
ASKING: dict[str, Any] = {"type": "interactive", "interactive": {"type": "call_permission_request"}}


async def ask(cloud: Cloud, user: str = ANA) -> Any:
    await cloud.write(user)
    return await cloud.send(text(user, **ASKING))


async def test_a_user_is_asked_once_a_day_and_twice_a_week(cloud: Cloud) -> None:
    assert (await ask(cloud))["http"] == 200
    refused = await ask(cloud)
    assert (refused["http"], refused["error"]["code"]) == (400, 138009)
    assert (await ask(cloud, BEN))["http"] == 200
    cloud.clock.advance(DAY_S)
    assert (await ask(cloud))["http"] == 200
    cloud.clock.advance(2 * DAY_S)
    assert (await ask(cloud))["error"]["code"] == 138009
    cloud.clock.advance(4 * DAY_S)
    assert (await ask(cloud))["http"] == 200
    assert await cloud.rules_broken() == ["call_permission"] * 2


async def test_a_template_that_asks_is_counted_too(start: Start) -> None:
    asking = {"type": "CALL_PERMISSION_REQUEST"}
    components = [{"type": "BODY", "text": "May we call?"}, asking]
    one = {"id": "1", "waba_id": WABA, "name": "may_we", "components": components}
    cloud = await start(templates=[one])
    assert (await cloud.send(template(name="may_we"), FIRST))["http"] == 200
    assert (await ask(cloud))["error"]["code"] == 138009


async def test_a_connected_call_ends_the_waiting(cloud: Cloud) -> None:
    await cloud.call("POST", f"/{FIRST}/settings", json={"calling": {"status": "ENABLED"}})
    await ask(cloud)
    call = {"messaging_product": "whatsapp", "to": ANA, "action": "connect"}
    assert (await cloud.call("POST", f"/{FIRST}/calls", json=call)).status == 200
    assert (await ask(cloud))["http"] == 200
