from typing import Any

import pytest

from gateway.emulator import identity
from tests.emulator.conftest import ANA, FIRST, PORTFOLIO, Cloud, template, text


async def test_a_profile_is_kept(cloud: Cloud) -> None:
    path = f"/{FIRST}/whatsapp_business_profile"
    await cloud.call("POST", path, json={"messaging_product": "whatsapp", "about": "hello"})
    shown = (await cloud.get(path))["data"][0]
    assert shown == {"messaging_product": "whatsapp", "vertical": "OTHER", "about": "hello"}


async def test_an_unknown_field_is_an_error(cloud: Cloud) -> None:
    """Graph's own words, on a node and in a list."""
    answer = await cloud.get(f"/{FIRST}?fields=id,colour")
    assert (answer["http"], answer["error"]["code"]) == (400, 100)
    assert answer["error"]["message"] == "(#100) Tried accessing nonexistent field (colour)"


async def control(cloud: Cloud, action: Any, **who: str) -> int:
    path = f"/{FIRST}/thread_control"
    body = {"messaging_product": "whatsapp", "action": action} | (who or {"to": ANA})
    return (await cloud.call("POST", path, json=body)).status


async def test_only_the_owner_of_a_thread_sends_free_form(cloud: Cloud) -> None:
    """Source: CHLOG #455 (R§1.9); the code is made up (R§12.1 row 29)."""
    await cloud.write()
    assert await control(cloud, "pass") == 200
    refused = (await cloud.send(text()))["error"]
    assert (refused["code"], refused["error_data"]["details"]) == (1, "conversation not owned")
    assert (await cloud.send(template()))["http"] == 200
    assert await control(cloud, "take") == 200
    assert (await cloud.send(text()))["http"] == 200


async def test_a_thread_may_be_passed_on_by_a_business_scoped_id(cloud: Cloud) -> None:
    await cloud.write()
    assert await control(cloud, "pass", recipient=identity.bsuid_of(ANA[1:], PORTFOLIO)) == 200
    assert (await cloud.send(text()))["error"]["code"] == 1
    assert await control(cloud, "release") == 200
    assert (await cloud.send(text()))["http"] == 200


@pytest.mark.parametrize("action", [None, "steal"])
async def test_a_thread_is_passed_released_or_taken(cloud: Cloud, action: str | None) -> None:
    assert await control(cloud, action) == 400
