"""Groups of a business number. Source: GRP, 2026 (R§1.9, R§7.7)."""

from typing import Any

import pytest

from gateway.emulator.graph import groups
from gateway.emulator.registry import Group
from tests.emulator.conftest import (
    ANA,
    BEN,
    FIRST,
    PORTFOLIO,
    Cloud,
    Receiver,
    Start,
    flushed,
)

RICH = [{"id": PORTFOLIO, "messaging_limit": None}]


@pytest.fixture
async def rich(start: Start, receiver: tuple[Receiver, str]) -> tuple[Cloud, Receiver]:
    taking, url = receiver
    return await start(webhook_url=url, portfolios=RICH), taking


async def make(cloud: Cloud, *users: str, **changes: Any) -> Any:
    body = {"subject": "Friends", "participants": [{"user": user} for user in users]} | changes
    return await (await cloud.call("POST", f"/{FIRST}/groups", json=body)).json()


async def test_a_group_lives_and_dies(rich: tuple[Cloud, Receiver]) -> None:
    cloud, receiver = rich
    made = await make(cloud, ANA, BEN)
    await flushed(cloud)
    (told,) = receiver.values("group_lifecycle_update")[0]["groups"]
    assert (told["type"], told["request_id"]) == ("group_create", made["request_id"])
    assert [each["wa_id"] for each in told["added_participants"]] == [ANA[1:], BEN[1:]]
    group_id = told["group_id"]
    listed = (await cloud.get(f"/{FIRST}/groups"))["data"]["groups"]
    assert [(each["id"], each["subject"]) for each in listed] == [(group_id, "Friends")]
    shown = await cloud.get(f"/{group_id}")
    assert (shown["subject"], shown["total_participant_count"]) == ("Friends", 2)
    assert (await cloud.call("DELETE", f"/{group_id}")).status == 200
    assert (await cloud.get(f"/{group_id}"))["error"]["error_subcode"] == 33
    await flushed(cloud)
    kinds = [value["groups"][0]["type"] for value in receiver.values("group_lifecycle_update")]
    assert kinds == ["group_create", "group_delete"]


async def test_participants_leave(rich: tuple[Cloud, Receiver]) -> None:
    cloud, _ = rich
    await make(cloud, ANA, BEN)
    (group_id,) = cloud.emulator.state.registry.groups
    leaving = {"participants": [{"user": ANA}]}
    path = f"/{group_id}/participants"
    assert (await cloud.call("DELETE", path, json=leaving)).status == 200
    assert (await cloud.get(f"/{group_id}"))["participants"] == [{"wa_id": BEN[1:]}]
    again = await (await cloud.call("DELETE", path, json=leaving)).json()
    assert again["error"]["code"] == 131212


async def test_groups_need_a_high_limit(cloud: Cloud) -> None:
    answer = await make(cloud)
    assert answer["error"]["code"] == 131215


async def test_a_limit_of_100_000_is_high_enough(start: Start) -> None:
    cloud = await start(portfolios=[{"id": PORTFOLIO, "messaging_limit": 100_000}])
    assert "request_id" in await make(cloud)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"subject": None}, 100),
        ({"participants": [{"user": f"+3460000010{at}"} for at in range(9)]}, 131204),
        ({"participants": [{"user": ANA}, {"user": ANA}]}, 131202),
        ({"participants": [{"user": "nobody"}]}, 131212),
        ({"participants": "everybody"}, 100),
    ],
)
async def test_bad_groups_are_refused(
    rich: tuple[Cloud, Receiver], change: dict[str, Any], code: int
) -> None:
    cloud, _ = rich
    assert (await make(cloud, **change))["error"]["code"] == code


async def test_a_number_has_10_000_groups_at_most(rich: tuple[Cloud, Receiver]) -> None:
    cloud, _ = rich
    registry = cloud.emulator.state.registry
    for at in range(groups.MOST):
        registry.groups[f"G{at}"] = Group(f"G{at}", FIRST, "", "", 0.0)
    assert (await make(cloud))["error"]["code"] == 131211
