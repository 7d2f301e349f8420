from tests.emulator.conftest import (
    ANA,
    FIRST,
    LONE,
    PORTFOLIO,
    SECOND,
    WABA,
    Cloud,
    Receiver,
    flushed,
    template,
)


async def test_the_numbers_of_an_account(cloud: Cloud) -> None:
    listed = await cloud.get(f"/v25.0/{WABA}/phone_numbers?fields=id,status")
    assert [each["id"] for each in listed["data"]] == [FIRST, SECOND, LONE]
    assert listed["data"][0] == {"id": FIRST, "status": "CONNECTED"}


async def test_templates_are_listed_page_by_page(cloud: Cloud) -> None:
    first = await cloud.get(f"/v25.0/{WABA}/message_templates?limit=1&fields=name")
    assert [each["name"] for each in first["data"]] == ["promo"]
    after = first["paging"]["cursors"]["after"]
    rest = await cloud.get(f"/v25.0/{WABA}/message_templates?limit=1&after={after}")
    assert [each["name"] for each in rest["data"]] == ["order"]
    assert "next" not in rest["paging"]
    following = await cloud.get(first["paging"]["next"])
    assert [each["name"] for each in following["data"]] == ["order"]


async def test_templates_are_filtered(cloud: Cloud) -> None:
    by_name = await cloud.get(f"/{WABA}/message_templates?name=ord")
    assert [each["name"] for each in by_name["data"]] == ["order"]
    counted = await cloud.get(f"/{WABA}/message_templates?name=ord&summary=total_count")
    assert counted["summary"]["total_count"] == 1
    by_category = await cloud.get(f"/{WABA}/message_templates?category=MARKETING")
    assert [each["name"] for each in by_category["data"]] == ["promo"]


async def test_a_template_lives_and_dies(told: tuple[Cloud, Receiver]) -> None:
    """Source: TMAN, 2 Jul 2026 (R§1.1)."""
    cloud, receiver = told
    new = {"name": "fresh", "language": "en_US", "category": "utility", "components": []}
    path = f"/{WABA}/message_templates"
    made = await (await cloud.call("POST", path, json=new)).json()
    assert (made["status"], made["category"]) == ("APPROVED", "UTILITY")
    assert (await cloud.get(f"/{made['id']}"))["name"] == "fresh"
    assert (await cloud.send(template(name="fresh")))["http"] == 200
    again = await (await cloud.call("POST", path, json=new)).json()
    assert again["error"]["code"] == 100
    await cloud.call("DELETE", f"{path}?name=fresh")
    assert (await cloud.send(template(name="fresh")))["error"]["code"] == 132001
    await flushed(cloud)
    events = receiver.values("message_template_status_update")
    assert [(each["event"], each["message_template_name"]) for each in events] == [
        ("APPROVED", "fresh")
    ]


async def test_bad_templates_are_refused(cloud: Cloud) -> None:
    path = f"/{WABA}/message_templates"
    for bad in ({}, {"name": "a", "language": "en", "category": "SPAM"}):
        assert (await cloud.call("POST", path, json=bad)).status == 400
    assert (await cloud.call("POST", path, data=b"{")).status == 400
    assert (await cloud.call("DELETE", f"{path}?name=nobody")).status == 400


async def test_a_paused_template_is_unpaused_or_edited(cloud: Cloud) -> None:
    """Source: PACE, PAUSE (R§6.4)."""
    node = "/600000000000001"
    await cloud.steer("/templates/promo", status="PAUSED")
    assert await (await cloud.call("POST", f"{node}/unpause")).json() == {"success": True}
    assert (await (await cloud.call("POST", f"{node}/unpause")).json())["success"] is False
    await cloud.steer("/templates/promo", status="PAUSED")
    await cloud.call("POST", node, json={"components": [{"type": "BODY", "text": "new"}]})
    assert (await cloud.send(template()))["http"] == 200


async def test_a_profile_is_kept(cloud: Cloud) -> None:
    path = f"/{FIRST}/whatsapp_business_profile"
    await cloud.call("POST", path, json={"messaging_product": "whatsapp", "about": "hello"})
    shown = (await cloud.get(path))["data"][0]
    assert shown == {"messaging_product": "whatsapp", "vertical": "OTHER", "about": "hello"}


async def test_a_block_list_is_kept(cloud: Cloud) -> None:
    """Source: BLOCK, 27 Oct 2025 (R§1.1)."""
    path = f"/{FIRST}/block_users"
    body = {"messaging_product": "whatsapp", "block_users": [{"user": ANA}]}
    added = await (await cloud.call("POST", path, json=body)).json()
    assert added["block_users"]["added_users"] == [{"input": ANA, "wa_id": "34600000001"}]
    assert [each["wa_id"] for each in (await cloud.get(path))["data"]] == ["34600000001"]
    await cloud.call("DELETE", path, json=body)
    assert (await cloud.get(path))["data"] == []
    assert (await cloud.call("POST", path, json={"block_users": ["x"]})).status == 400
    assert (await cloud.call("POST", path, json={"block_users": [{"user": "x"}]})).status == 400


async def test_subscriptions(cloud: Cloud) -> None:
    path = f"/{WABA}/subscribed_apps"
    assert (await cloud.get(path))["data"] == []
    assert await (await cloud.call("POST", path)).json() == {"success": True}
    assert len((await cloud.get(path))["data"]) == 1
    await cloud.call("DELETE", path)
    assert (await cloud.get(path))["data"] == []


async def test_a_portfolio_and_registration(cloud: Cloud) -> None:
    portfolio = await cloud.get(f"/{PORTFOLIO}")
    assert portfolio["whatsapp_business_manager_messaging_limit"] == "TIER_2"
    assert (await cloud.call("POST", f"/{FIRST}/register", json={"pin": "1"})).status == 200
