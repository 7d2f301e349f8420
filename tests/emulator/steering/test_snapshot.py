from gateway.emulator.steering import snapshot
from tests.emulator.conftest import ANA, FIRST, LONE, PORTFOLIO, Cloud, state, template


def test_a_snapshot_names_everything() -> None:
    whole = snapshot.of(state())
    assert {"now", "mode", "knobs", "pending_webhooks", "restrictions"} <= whole.keys()
    assert [each["pool_id"] for each in whole["pools"]] == [LONE, PORTFOLIO]
    assert [each["name"] for each in whole["templates"]] == ["promo", "order"]
    assert whole["numbers"][0]["messaging_limit"] == 2


async def test_a_snapshot_follows_the_sends(cloud: Cloud) -> None:
    await cloud.send(template(ANA))
    whole = await cloud.told("/state")
    pool = next(each for each in whole["pools"] if each["pool_id"] == PORTFOLIO)
    assert pool == {"pool_id": PORTFOLIO, "messaging_limit": 2, "counted_users": 1}
    assert (await cloud.number(FIRST))["counted_users"] == 1
    assert whole["sends_seen"] == 1
