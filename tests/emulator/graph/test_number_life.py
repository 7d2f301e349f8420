"""How numbers are verified and registered. Source: REG, ERR (R§1.1, R§5.3, R§7.7)."""

from typing import Any

import pytest

from tests.emulator.conftest import FIRST, WABA, Cloud, Start, template

NEW = {
    "phone_number_id": FIRST,
    "display_phone_number": "+1 555-000-1111",
    "waba_id": WABA,
    "regime": "per_number",
    "is_registered": False,
    "is_verified": False,
}


async def post(cloud: Cloud, edge: str, **body: Any) -> int | None:
    """Post to the number; returns the code of the error, None for success."""
    answer = await (await cloud.call("POST", f"/{FIRST}/{edge}", json=body)).json()
    if "error" in answer:
        return int(answer["error"]["code"])
    assert answer == {"success": True}
    return None


async def test_a_new_number_is_verified_then_registered_then_sends(start: Start) -> None:
    cloud = await start(numbers=[NEW])
    assert (await cloud.send(template()))["error"]["code"] == 133010
    assert await post(cloud, "register", pin="123456") == 133006
    assert await post(cloud, "request_code", code_method="SMS", language="en_US") is None
    assert await post(cloud, "verify_code", code="12x") == 100
    assert await post(cloud, "verify_code", code="123-456") is None
    assert await post(cloud, "verify_code", code="123456") == 136024
    assert await post(cloud, "request_code", code_method="SMS", language="en_US") == 136024
    assert await post(cloud, "register", pin="123456") is None
    assert (await cloud.send(template()))["http"] == 200


async def test_a_number_that_is_deregistered_sends_nothing(cloud: Cloud) -> None:
    assert await post(cloud, "deregister") is None
    refused = await cloud.send(template())
    assert (refused["http"], refused["error"]["code"]) == (400, 133010)
    assert await cloud.rules_broken() == ["account"]
    assert await post(cloud, "deregister") == 133010
    assert await post(cloud, "register", pin="123456") is None
    assert (await cloud.send(template()))["http"] == 200


async def test_the_pin_must_be_the_one_that_was_set(cloud: Cloud) -> None:
    assert await post(cloud, "", pin="111111") is None
    assert await post(cloud, "register", pin="222222") == 133005
    assert await post(cloud, "register", pin="111111") is None


@pytest.mark.parametrize("pin", [None, "1", "12345x", 123456])
async def test_a_pin_is_six_digits(cloud: Cloud, pin: Any) -> None:
    assert await post(cloud, "register", pin=pin) == 100


async def test_ten_attempts_in_72_hours_then_none_for_72(cloud: Cloud) -> None:
    """Source: REG (R§5.3): 133016, blocked for 72 hours."""
    for _ in range(5):
        assert await post(cloud, "deregister") is None
        assert await post(cloud, "register", pin="123456") is None
    cloud.clock.advance(71 * 3600)
    assert await post(cloud, "deregister") == 133016
    cloud.clock.advance(71 * 3600)
    assert await post(cloud, "deregister") == 133016
    cloud.clock.advance(3600)
    assert await post(cloud, "deregister") is None


async def test_attempts_of_three_days_ago_do_not_count(cloud: Cloud) -> None:
    for _ in range(9):
        assert await post(cloud, "register", pin="123456") is None
    cloud.clock.advance(72 * 3600)
    for _ in range(10):
        assert await post(cloud, "register", pin="123456") is None


async def test_data_may_be_kept_in_the_regions_meta_names(cloud: Cloud) -> None:
    """Source: LOCAL (R§9)."""
    where = "data_localization_region"
    assert await post(cloud, "register", pin="123456", **{where: "DE"}) is None
    assert await post(cloud, "register", pin="123456", **{where: "XX"}) == 100


async def test_settings_are_kept(cloud: Cloud) -> None:
    path = f"/{FIRST}/settings"
    assert (await cloud.get(path))["calling"] == {"status": "DISABLED"}
    assert await post(cloud, "settings", calling={"status": "ENABLED"}) is None
    assert (await cloud.get(path))["calling"] == {"status": "ENABLED"}
    assert await post(cloud, "settings", calling="on") == 100


async def test_what_the_emulator_cannot_do_it_says(cloud: Cloud) -> None:
    assert await post(cloud, "", webhook_configuration={}) == 100
    assert await post(cloud, "request_code", code_method="PIGEON", language="en_US") == 100
    assert await post(cloud, "request_code") == 100


async def test_a_form_is_as_good_as_json(cloud: Cloud) -> None:
    answer = await cloud.call("POST", f"/{FIRST}/register", data={"pin": "123456"})
    assert answer.status == 200
