import pytest

from tests.emulator.conftest import FIRST, Cloud

PATH = f"/{FIRST}/register"


async def test_parameters_come_as_json_as_a_form_or_in_the_query(cloud: Cloud) -> None:
    assert (await cloud.call("POST", PATH, json={"pin": "123456"})).status == 200
    assert (await cloud.call("POST", PATH, data={"pin": "123456"})).status == 200
    assert (await cloud.call("POST", f"{PATH}?pin=123456")).status == 200


async def test_the_body_wins_over_the_query(cloud: Cloud) -> None:
    assert (await cloud.call("POST", f"{PATH}?pin=x", json={"pin": "123456"})).status == 200


@pytest.mark.parametrize("body", [b"{", b"[]"])
async def test_what_is_no_object_is_refused(cloud: Cloud, body: bytes) -> None:
    answer = await cloud.call("POST", PATH, data=body)
    assert (answer.status, (await answer.json())["error"]["code"]) == (400, 100)
