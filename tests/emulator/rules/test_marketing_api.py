import pytest

from tests.emulator.conftest import WABA, Cloud, Receiver, Start, flushed, template, text

EDGE = "marketing_messages"


async def test_only_marketing_templates_go_to_marketing_messages(cloud: Cloud) -> None:
    """Source: MM, ERR 18 Jun 2026 (R§1.7)."""
    assert (await cloud.send(template(), edge=EDGE))["http"] == 200
    assert (await cloud.send(template(name="order"), edge=EDGE))["error"]["code"] == 134100
    assert (await cloud.send(template(name="nobody"), edge=EDGE))["error"]["code"] == 132001
    await cloud.write()
    assert (await cloud.send(text(), edge=EDGE))["error"]["code"] == 131055


async def test_observe_mode_takes_and_notes(start: Start) -> None:
    cloud = await start(mode="observe")
    assert (await cloud.send(template(name="order"), edge=EDGE))["http"] == 200
    assert await cloud.rules_broken() == ["marketing_api"]


@pytest.mark.parametrize(
    ("policy", "onboarded", "code"),
    [
        (None, {"marketing_messages_onboarded": False}, None),
        ("CLOUD_API_FALLBACK", {"marketing_messages_onboarded": False}, None),
        ("STRICT", {"marketing_messages_onboarded": False}, 134102),
        ("STRICT", {}, None),
        ("LOOSE", {}, 100),
        (1, {}, 100),
    ],
)
async def test_a_strict_policy_falls_back_to_nothing(
    start: Start, policy: object, onboarded: dict[str, bool], code: int | None
) -> None:
    """Source: MM (R§1.7)."""
    cloud = await start(wabas=[{"id": WABA} | onboarded])
    answer = await cloud.send(template(product_policy=policy), edge=EDGE)
    assert answer.get("error", {}).get("code") == code


async def test_an_account_may_keep_marketing_off_the_cloud_api(start: Start) -> None:
    """Source: ERR, 18 Jun 2026 (R§1.7)."""
    waba = {"id": WABA, "disable_marketing_messages_on_cloud_api": True}
    cloud = await start(wabas=[waba])
    assert (await cloud.send(template()))["error"]["code"] == 131063
    assert (await cloud.send(template(name="order")))["http"] == 200
    assert (await cloud.send(template(), edge=EDGE))["http"] == 200


async def test_activity_sharing_is_a_boolean(cloud: Cloud) -> None:
    """Source: OAPI (R§1.7)."""
    good, bad = template(message_activity_sharing=True), template(message_activity_sharing="yes")
    assert (await cloud.send(good, edge=EDGE))["http"] == 200
    assert (await cloud.send(bad, edge=EDGE))["error"]["code"] == 100


@pytest.mark.parametrize(
    ("edge", "category"), [(EDGE, "marketing_lite"), ("messages", "marketing")]
)
async def test_it_is_priced_as_lite(told: tuple[Cloud, Receiver], edge: str, category: str) -> None:
    """Source: W-STAT, 14 Sep 2026 (R§1.7, R§8.4)."""
    cloud, receiver = told
    await cloud.send(template(), edge=edge)
    await flushed(cloud)
    assert receiver.statuses()[0]["pricing"]["category"] == category


async def test_what_falls_back_is_priced_as_what_it_is(
    start: Start, receiver: tuple[Receiver, str]
) -> None:
    """Source: MM (R§1.7)."""
    taking, url = receiver
    waba = {"id": WABA, "marketing_messages_onboarded": False}
    cloud = await start(webhook_url=url, wabas=[waba])
    await cloud.send(template(), edge=EDGE)
    await flushed(cloud)
    assert taking.statuses()[0]["pricing"]["category"] == "marketing"


async def test_it_counts_in_the_same_limit(cloud: Cloud) -> None:
    """Source: R§2.1, R§12.1 row 31."""
    await cloud.send(template(), edge=EDGE)
    assert (await cloud.number())["counted_users"] == 1
