import hashlib
from typing import Any

from aiohttp import FormData
from yarl import URL

from tests.emulator.conftest import FIRST, SECOND, Cloud

CONTENT = b"\x89PNG made up"


def form(**fields: str) -> FormData:
    data = FormData()
    for name, value in fields.items():
        data.add_field(name, value)
    data.add_field("file", CONTENT, filename="a.png", content_type="image/png")
    return data


async def uploaded(cloud: Cloud) -> Any:
    data = form(messaging_product="whatsapp", type="image/png")
    return await (await cloud.call("POST", f"/v25.0/{FIRST}/media", data=data)).json()


async def test_a_file_goes_up_and_comes_down(cloud: Cloud) -> None:
    """Source: MEDIA, 16 Jun 2026 (R§1.1, R§1.3)."""
    media_id = (await uploaded(cloud))["id"]
    node = await cloud.get(f"/v25.0/{media_id}")
    assert node["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert (node["mime_type"], node["file_size"]) == ("image/png", len(CONTENT))
    answer = await cloud.call("GET", node["url"])
    assert (await answer.read(), answer.content_type) == (CONTENT, "image/png")


async def test_the_address_needs_the_token_and_lasts_five_minutes(cloud: Cloud) -> None:
    node = await cloud.get(f"/{(await uploaded(cloud))['id']}")
    bare = await cloud.client.get(URL(node["url"]).relative())
    assert bare.status == 401
    poor = await cloud.call("GET", node["url"], headers={"Authorization": "Bearer poor-token"})
    assert poor.status == 403
    cloud.clock.advance(300)
    assert (await cloud.call("GET", node["url"])).status == 404


async def test_a_deleted_file_is_unknown(cloud: Cloud) -> None:
    path = f"/{(await uploaded(cloud))['id']}"
    wrong = await cloud.call("DELETE", f"{path}?phone_number_id={SECOND}")
    assert wrong.status == 400
    deleted = await cloud.call("DELETE", f"{path}?phone_number_id={FIRST}")
    assert await deleted.json() == {"success": True}
    assert (await cloud.get(path))["error"]["error_subcode"] == 33


async def test_bad_uploads_are_refused(cloud: Cloud) -> None:
    path = f"/{FIRST}/media"
    assert (await cloud.call("POST", path, json={})).status == 400
    assert (await cloud.call("POST", path, data=form(type="image/png"))).status == 400
    only_text = FormData({"messaging_product": "whatsapp"}, default_to_multipart=True)
    assert (await cloud.call("POST", path, data=only_text)).status == 400


async def test_what_is_no_file_may_stand_in_the_query(cloud: Cloud) -> None:
    path = f"/{FIRST}/media?messaging_product=whatsapp"
    answer = await cloud.call("POST", path, data=form())
    node = await cloud.get(f"/{(await answer.json())['id']}")
    assert node["mime_type"] == "image/png"
