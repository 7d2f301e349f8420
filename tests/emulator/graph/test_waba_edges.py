from tests.emulator.conftest import FIRST, LONE, PORTFOLIO, SECOND, WABA, Cloud


async def test_the_numbers_of_an_account(cloud: Cloud) -> None:
    listed = await cloud.get(f"/v25.0/{WABA}/phone_numbers?fields=id,status")
    assert [each["id"] for each in listed["data"]] == [FIRST, SECOND, LONE]
    assert listed["data"][0] == {"id": FIRST, "status": "CONNECTED"}
    assert (await cloud.get(f"/{WABA}/phone_numbers?fields=colour"))["error"]["code"] == 100


async def test_an_account_shows_the_fields_asked_for(cloud: Cloud) -> None:
    shown = await cloud.get(f"/{WABA}?fields=currency,analytics")
    assert shown == {"id": WABA, "currency": "USD", "http": 200}
    assert (await cloud.get(f"/{WABA}?fields=colour"))["error"]["code"] == 100


async def test_subscriptions(cloud: Cloud) -> None:
    path = f"/{WABA}/subscribed_apps"
    assert (await cloud.get(path))["data"] == []
    assert await (await cloud.call("POST", path)).json() == {"success": True}
    assert len((await cloud.get(path))["data"]) == 1
    await cloud.call("DELETE", path)
    assert (await cloud.get(path))["data"] == []


async def test_a_portfolio_shows_its_limit(cloud: Cloud) -> None:
    """Source: LIM, 8 May 2026 (R§2.3)."""
    portfolio = await cloud.get(f"/{PORTFOLIO}")
    assert portfolio["whatsapp_business_manager_messaging_limit"] == "TIER_2"


async def test_the_app_subscribes(cloud: Cloud) -> None:
    app_id = cloud.emulator.state.world.app_id
    assert (await cloud.get(f"/{app_id}"))["id"] == app_id
    assert (await cloud.call("POST", f"/{app_id}/subscriptions")).status == 200
