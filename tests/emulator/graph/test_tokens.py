"""What a token may do. Source: docs/graph-api/reference/debug_token, TOK (R§1.1, R§9)."""

from gateway.emulator.world import World
from tests.emulator.conftest import TOKEN, WABA, Cloud, Start

ENDS = 1_793_610_000 + 3600  # an hour after the clock of these tests begins
APP = World().app_id


async def test_a_good_token_is_described_in_full(cloud: Cloud) -> None:
    data = (await cloud.get(f"/debug_token?input_token={TOKEN}"))["data"]
    assert data.keys() == {
        "app_id",
        "application",
        "type",
        "is_valid",
        "scopes",
        "granular_scopes",
        "expires_at",
        "data_access_expires_at",
        "issued_at",
        "user_id",
    }
    assert (data["app_id"], data["is_valid"], data["expires_at"]) == (APP, True, 0)
    assert {each["scope"]: each["target_ids"] for each in data["granular_scopes"]} == {
        "whatsapp_business_management": [WABA],
        "whatsapp_business_messaging": [WABA],
    }


async def test_a_bad_token_is_not_valid(cloud: Cloud) -> None:
    data = (await cloud.get("/debug_token?input_token=other"))["data"]
    assert (data["is_valid"], data["error"]["code"]) == (False, 190)
    assert (await cloud.get("/debug_token"))["error"]["code"] == 100


async def test_the_app_looks_at_tokens_with_its_own(cloud: Cloud) -> None:
    own = f"{APP}|{cloud.emulator.state.world.app_secret}"
    headers = {"Authorization": f"Bearer {own}"}
    asked = await cloud.get(f"/debug_token?input_token={TOKEN}", headers=headers)
    assert asked["data"]["is_valid"] is True
    itself = await cloud.get("/debug_token", params={"input_token": own}, headers=headers)
    assert (itself["data"]["type"], itself["data"]["is_valid"]) == ("APP", True)
    assert (await cloud.get(f"/{WABA}", headers=headers))["error"]["code"] == 200
    assert (await cloud.get(f"/{APP}", headers=headers))["id"] == APP


async def test_an_expired_token_is_told_by_its_subcode(start: Start) -> None:
    """Source: ERR 12 Dec 2025, PYWA (R§1.10, R§7.1): 190 with subcode 463."""
    tokens = [
        {"token": TOKEN, "waba_ids": [WABA], "expires_at": ENDS},
        {"token": "lasting", "waba_ids": [WABA]},
    ]
    cloud = await start(tokens=tokens)
    shown = await cloud.get(f"/debug_token?input_token={TOKEN}")
    assert (shown["data"]["is_valid"], shown["data"]["expires_at"]) == (True, ENDS)
    cloud.clock.advance(3600)
    late = await cloud.get(f"/{WABA}")
    assert (late["http"], late["error"]["code"], late["error"]["error_subcode"]) == (401, 190, 463)
    lasting = {"Authorization": "Bearer lasting"}
    shown = await cloud.get(f"/debug_token?input_token={TOKEN}", headers=lasting)
    assert (shown["data"]["is_valid"], shown["data"]["error"]["subcode"]) == (False, 463)
    assert shown["data"]["expires_at"] == ENDS
