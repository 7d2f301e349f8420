from tests.emulator.conftest import FIRST, WABA, Cloud


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
