"""The block list of a number. Source: BLOCK, 27 Oct 2025 (R§1.1, R§7.7)."""

from typing import Any

from gateway.emulator import identity
from gateway.emulator.graph import block_list
from tests.emulator.conftest import ANA, BEN, FIRST, PORTFOLIO, Cloud

PATH = f"/{FIRST}/block_users"


async def ask(cloud: Cloud, method: str, *users: Any) -> Any:
    answer = await cloud.call(method, PATH, json={"block_users": list(users)})
    return await answer.json() | {"http": answer.status}


async def test_a_user_who_wrote_is_blocked_until_unblocked(cloud: Cloud) -> None:
    await cloud.write()
    added = await ask(cloud, "POST", {"user": ANA})
    assert added["block_users"] == {"added_users": [{"input": ANA, "wa_id": "34600000001"}]}
    assert [each["wa_id"] for each in (await cloud.get(PATH))["data"]] == ["34600000001"]
    removed = await ask(cloud, "DELETE", {"user": ANA})
    assert removed["block_users"] == {"removed_users": [{"input": ANA, "wa_id": "34600000001"}]}
    assert (await cloud.get(PATH))["data"] == []


async def test_only_who_wrote_in_the_last_24_hours_can_be_blocked(cloud: Cloud) -> None:
    await cloud.write(ANA)
    cloud.clock.advance(86_400)
    await cloud.write(BEN)
    answer = await ask(cloud, "POST", {"user": ANA}, {"user": BEN})
    assert (answer["http"], answer["error"]["code"]) == (400, 139100)
    assert [each["input"] for each in answer["block_users"]["added_users"]] == [BEN]
    (failed,) = answer["block_users"]["failed_users"]
    assert (failed["input"], failed["errors"][0]["code"]) == (ANA, 131047)
    assert [each["input"] for each in (await cloud.get(PATH))["data"]] == [BEN]


async def test_a_user_may_be_named_by_a_business_scoped_id(cloud: Cloud) -> None:
    """Source: BSUID, 15 Sep 2026 (R§1.4)."""
    bsuid = identity.bsuid_of(ANA[1:], PORTFOLIO)
    await cloud.write(ANA)
    added = await ask(cloud, "POST", {"user_id": bsuid})
    assert added["block_users"]["added_users"] == [{"input": bsuid, "user_id": bsuid}]
    number = cloud.emulator.state.registry.numbers[FIRST]
    assert list(number.blocked_users) == ["34600000001"]


async def test_the_list_holds_64_000_users(cloud: Cloud) -> None:
    await cloud.write()
    number = cloud.emulator.state.registry.numbers[FIRST]
    number.blocked_users = {str(user): str(user) for user in range(block_list.LARGEST)}
    assert (await ask(cloud, "POST", {"user": ANA}))["error"]["code"] == 139101
    number.blocked_users.popitem()
    assert (await ask(cloud, "POST", {"user": ANA}))["http"] == 200


async def test_the_list_is_shown_page_by_page(cloud: Cloud) -> None:
    for user in (ANA, BEN):
        await cloud.write(user)
    await ask(cloud, "POST", {"user": ANA}, {"user": BEN})
    first = await cloud.get(f"{PATH}?limit=1")
    rest = await cloud.get(first["paging"]["next"])
    assert [each["data"][0]["input"] for each in (first, rest)] == [ANA, BEN]


async def test_what_is_no_list_of_users_is_refused(cloud: Cloud) -> None:
    assert (await ask(cloud, "POST", "x"))["error"]["code"] == 100
    assert (await ask(cloud, "POST", {"user": "x"}))["error"]["code"] == 131009
    assert (await cloud.call("POST", PATH, json={})).status == 400
