from typing import Any

from gateway.emulator import Knobs
from tests.emulator.conftest import WABA, Cloud, Receiver, Start, flushed, template

PATH = f"/{WABA}/message_templates"
PROMO = "/600000000000001"
FRESH = {
    "name": "fresh",
    "language": "en_US",
    "category": "utility",
    "components": [{"type": "BODY", "text": "Hello."}],
}


async def post(cloud: Cloud, path: str, body: Any) -> Any:
    return await (await cloud.call("POST", path, json=body)).json()


async def status_of(cloud: Cloud, path: str = PROMO) -> str:
    return str((await cloud.get(f"{path}?fields=status"))["status"])


async def test_templates_are_listed_page_by_page(cloud: Cloud) -> None:
    first = await cloud.get(f"/v25.0{PATH}?limit=1&fields=name")
    assert [each["name"] for each in first["data"]] == ["promo"]
    after = first["paging"]["cursors"]["after"]
    rest = await cloud.get(f"/v25.0{PATH}?limit=1&after={after}")
    assert [each["name"] for each in rest["data"]] == ["order"]
    assert "next" not in rest["paging"]
    following = await cloud.get(first["paging"]["next"])
    assert [each["name"] for each in following["data"]] == ["order"]


async def test_templates_are_filtered_and_counted(cloud: Cloud) -> None:
    """Source: TOVR, 21 May 2026 (R§6.4)."""
    by_name = await cloud.get(f"{PATH}?name=ord")
    assert [each["name"] for each in by_name["data"]] == ["order"]
    counted = await cloud.get(f"{PATH}?name=ord&summary=total_count")
    assert counted["summary"]["total_count"] == 1
    assert counted["summary"]["message_template_limit"] == 250
    by_category = await cloud.get(f"{PATH}?category=MARKETING")
    assert [each["name"] for each in by_category["data"]] == ["promo"]


async def test_a_template_lives_and_dies(told: tuple[Cloud, Receiver]) -> None:
    """Source: TMAN, 2 Jul 2026 (R§1.1)."""
    cloud, receiver = told
    made = await post(cloud, PATH, FRESH)
    assert (made["status"], made["category"]) == ("PENDING", "UTILITY")
    assert (await cloud.get(f"/{made['id']}"))["name"] == "fresh"
    assert (await cloud.send(template(name="fresh")))["http"] == 200
    again = await post(cloud, PATH, FRESH)
    assert (again["error"]["code"], again["error"]["error_subcode"]) == (100, 2388024)
    await cloud.call("DELETE", f"{PATH}?name=fresh")
    assert (await cloud.send(template(name="fresh")))["error"]["code"] == 132001
    assert (await post(cloud, PATH, FRESH))["error"]["error_subcode"] == 2388023
    await flushed(cloud)
    events = receiver.values("message_template_status_update")
    assert [(each["event"], each["message_template_name"]) for each in events] == [
        ("APPROVED", "fresh"),
        ("DELETED", "fresh"),
    ]


async def test_a_review_takes_as_long_as_the_knob_says(start: Start) -> None:
    cloud = await start(knobs=Knobs(template_review_s=60))
    made = await post(cloud, PATH, FRESH)
    cloud.clock.advance(59)
    assert await status_of(cloud, f"/{made['id']}") == "PENDING"
    assert (await cloud.send(template(name="fresh")))["error"]["code"] == 132001
    cloud.clock.advance(1)
    assert await status_of(cloud, f"/{made['id']}") == "APPROVED"


async def test_one_language_is_deleted_by_its_id(cloud: Cloud) -> None:
    """Source: TMAN, 2 Jul 2026 (R§1.1)."""
    made = await post(cloud, PATH, FRESH)
    spanish = await post(cloud, PATH, FRESH | {"language": "es"})
    await cloud.call("DELETE", f"{PATH}?name=fresh&hsm_id={made['id']}")
    left = await cloud.get(f"{PATH}?name=fresh")
    assert [each["id"] for each in left["data"]] == [spanish["id"]]
    assert "id" in await post(cloud, PATH, FRESH | {"language": "fr"})


async def test_a_deleted_name_rests_in_all_languages(cloud: Cloud) -> None:
    """Source: TMAN, 2 Jul 2026 (R§5.3)."""
    await post(cloud, PATH, FRESH)
    await cloud.call("DELETE", f"{PATH}?name=fresh")
    spanish = await post(cloud, PATH, FRESH | {"language": "es"})
    assert spanish["error"]["error_subcode"] == 2388023


async def test_its_life_is_shown_if_it_has_one_of_its_own(cloud: Cloud) -> None:
    """Source: TTL (R§6.4)."""
    made = await post(cloud, PATH, FRESH | {"message_send_ttl_seconds": 600})
    field = "message_send_ttl_seconds"
    assert (await cloud.get(f"/{made['id']}?fields={field}"))[field] == 600
    assert field not in await cloud.get(f"{PROMO}?fields={field}")


async def test_bad_templates_are_refused(cloud: Cloud) -> None:
    """Source: OAPI (R§1.10)."""
    for bad in ({}, FRESH | {"category": "SPAM"}, FRESH | {"components": []}):
        error = (await post(cloud, PATH, bad))["error"]
        assert error["code"] == 100
        assert error["error_user_title"]
        assert error["error_user_msg"]
    assert (await cloud.call("POST", PATH, data=b"{")).status == 400
    assert (await cloud.call("DELETE", f"{PATH}?name=nobody")).status == 400
    assert (await cloud.call("PUT", PATH)).status == 400


async def test_a_paused_template_is_unpaused_by_hand(told: tuple[Cloud, Receiver]) -> None:
    """Source: PACE, 21 May 2026 (R§6.4)."""
    cloud, receiver = told
    await cloud.steer("/templates/promo", status="PAUSED")
    assert await post(cloud, f"{PROMO}/unpause", {}) == {"success": True}
    assert (await post(cloud, f"{PROMO}/unpause", {}))["success"] is False
    assert (await cloud.send(template()))["http"] == 200
    await flushed(cloud)
    last = receiver.values("message_template_status_update")[-1]
    assert (last["event"], last["other_info"]["title"]) == ("APPROVED", "UNPAUSE")


async def test_an_edit_puts_a_paused_template_in_review(start: Start) -> None:
    """Source: PAUSE, 22 Oct 2025 (R§6.4)."""
    cloud = await start(knobs=Knobs(template_review_s=60))
    await cloud.steer("/templates/promo", status="PAUSED")
    edited = await post(cloud, PROMO, {"components": FRESH["components"]})
    assert (edited["success"], await status_of(cloud)) == (True, "PENDING")
    assert (await post(cloud, PROMO, {"components": FRESH["components"]}))["error"]["code"] == 100
    cloud.clock.advance(60)
    assert await status_of(cloud) == "APPROVED"
    shown = await cloud.get(f"{PROMO}?fields=components")
    assert shown["components"] == FRESH["components"]


async def test_an_approved_template_stays_so_and_is_edited_once_a_day(cloud: Cloud) -> None:
    """Source: TMAN, 2 Jul 2026 (R§5.3)."""
    change = {"components": FRESH["components"]}
    assert (await post(cloud, PROMO, change))["success"] is True
    assert await status_of(cloud) == "APPROVED"
    assert (await post(cloud, PROMO, change))["error"]["error_user_title"]
    cloud.clock.advance(86_400)
    assert (await post(cloud, PROMO, change))["success"] is True


async def test_a_bad_edit_changes_nothing(cloud: Cloud) -> None:
    assert (await post(cloud, PROMO, {"components": [{"type": "BODY"}]}))["error"]["code"] == 100
    assert (await cloud.get(f"{PROMO}?fields=components"))["components"] == []
    assert (await cloud.call("POST", f"{PROMO}/nowhere")).status == 400
