import asyncio
import contextlib
import hashlib
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.cli import demo
from tests.web.wire import FakeCloud, assert_in_metas_shape, exchange, read, request_bytes
from tests.world import SMALL, Answer, MakeWorld, World, until

WABA = demo.NUMBERS[0].waba_id
PIXELS = bytes(range(256)) * 40_960  # 10 MiB
NODE = f"/v25.0/{SMALL}"


async def ask(world: World, method: str, path: str, **more: Any) -> Answer:
    """Ask as the app with a gateway key does, or with the token `key`."""
    key = more.pop("key", None) or world.keys.app_key
    headers = {"Authorization": f"Bearer {key}"} | more.pop("headers", {})
    url = path if path.startswith("http") else world.data_url + path
    return await world.call(method, url, headers=headers, **more)


def form(content: bytes, kind: str = "application/octet-stream") -> aiohttp.FormData:
    """Fill in the form of an upload; the file goes out in chunks."""
    fields = aiohttp.FormData()
    fields.add_field("messaging_product", "whatsapp")
    fields.add_field("type", kind)
    fields.add_field("file", io.BytesIO(content), filename="a.bin", content_type=kind)
    return fields


async def upload(world: World, content: bytes, **more: Any) -> str:
    answer = await ask(world, "POST", f"{NODE}/media", data=form(content), **more)
    assert (answer.status, answer.headers["Gateway-Decision"]) == (200, "upstream"), answer
    media_id: str = answer.json["id"]
    return media_id


async def test_ten_megabytes_go_up_and_come_down_byte_for_byte(world: World) -> None:
    media_id = await upload(world, PIXELS)
    node = (await ask(world, "GET", f"/v25.0/{media_id}")).json
    assert node["sha256"] == hashlib.sha256(PIXELS).hexdigest()
    downloaded = await ask(world, "GET", node["url"])
    assert downloaded.status == 200
    assert downloaded.body == PIXELS
    assert downloaded.headers["Content-Length"] == str(len(PIXELS))


async def test_a_media_link_is_sealed_for_who_has_no_token_of_metas(world: World) -> None:
    media_id = await upload(world, b"picture")
    for_key = (await ask(world, "GET", f"/v25.0/{media_id}")).json
    own_token = world.keys.pass_through_token
    for_token = (await ask(world, "GET", f"/v25.0/{media_id}", key=own_token)).json
    assert for_key["url"].startswith(f"{world.data_url}/media/")
    assert for_token["url"].startswith(f"{world.emulator_url}/_media/")
    assert for_key.keys() == for_token.keys()
    assert (await ask(world, "GET", for_token["url"], key=own_token)).body == b"picture"


async def test_behind_a_proxy_a_media_link_names_the_address_that_apps_know(
    make_world: MakeWorld,
) -> None:
    world = await make_world(settings={"public_url": "https://gateway.example/"})
    media_id = await upload(world, b"picture")
    node = (await ask(world, "GET", f"/v25.0/{media_id}")).json
    assert node["url"].startswith("https://gateway.example/media/")


async def test_a_sealed_link_wants_a_caller_and_ends_after_five_minutes(world: World) -> None:
    media_id = await upload(world, b"picture")
    url = (await ask(world, "GET", f"/v25.0/{media_id}")).json["url"]
    assert (await world.call("GET", url)).status == 401
    assert (await ask(world, "GET", url)).body == b"picture"
    forged = f"{world.data_url}/media/ü"
    for method, link in (("DELETE", url), ("GET", url[:-8]), ("GET", forged)):
        refused = await ask(world, method, link)
        assert (refused.status, assert_in_metas_shape(refused)["code"]) == (404, 100), link
    await world.advance(301)
    assert (await ask(world, "GET", url)).status == 404


async def test_a_media_id_belongs_to_who_uploaded_it_or_is_named_with_its_number(
    world: World,
) -> None:
    theirs = await world.call(
        "POST",
        f"{world.emulator_url}{NODE}/media",
        data=form(b"elsewhere"),
        headers={"Authorization": f"Bearer {world.keys.meta_token}"},
    )
    path = f"/v25.0/{theirs.json['id']}"
    assert (await ask(world, "GET", path)).status == 404
    assert (await ask(world, "GET", f"{path}?phone_number_id=299999999999999")).status == 404
    named = await ask(world, "GET", f"{path}?phone_number_id={SMALL}")
    assert (await ask(world, "GET", named.json["url"])).body == b"elsewhere"
    assert (await ask(world, "DELETE", f"{path}?phone_number_id={SMALL}")).json["success"] is True


async def test_numbers_accounts_and_templates_answer_as_meta_does(world: World) -> None:
    paths = [
        NODE,
        f"{NODE}?fields=display_phone_number,quality_rating",
        f"{NODE}/whatsapp_business_profile",
        f"{NODE}/block_users",
        f"/v25.0/{WABA}",
        f"/v25.0/{WABA}/phone_numbers",
        f"/v25.0/{WABA}/message_templates?limit=2&fields=name,language",
        f"/{WABA}/message_templates?name=order_update",
        f"{NODE}/no_such_edge",
    ]
    for path in paths:
        direct = await ask(world, "GET", world.emulator_url + path, key=world.keys.meta_token)
        passed = await ask(world, "GET", path)
        assert passed.status == direct.status, path
        assert without_trace(passed, world) == without_trace(direct, world), path
        assert passed.headers["Gateway-Decision"] == "upstream"
    await world.inbound(SMALL, "34600000001")
    blocked = {"messaging_product": "whatsapp", "block_users": [{"user": "+34600000001"}]}
    answer = await ask(world, "POST", f"{NODE}/block_users", json=blocked)
    assert answer.json["block_users"]["added_users"][0]["wa_id"] == "34600000001"
    listed = await ask(world, "GET", f"/v25.0/{WABA}/message_templates")
    template_id = listed.json["data"][0]["id"]
    assert (await ask(world, "GET", f"/v25.0/{template_id}")).json["id"] == template_id


def without_trace(answer: Answer, world: World) -> Any:
    """Leave out what differs from one answer to the next: trace id and host."""
    content = json.loads(answer.body.replace(world.emulator_url.encode(), b""))
    content.get("error", {}).pop("fbtrace_id", None)
    return content


async def test_an_id_that_is_nobodys_is_not_passed_on(faked: World, cloud: FakeCloud) -> None:
    for path in ("/v25.0/299999999999999", "/me", "/", "/v25.0", "/123%00", "/v25.0/debug_token"):
        answer = await ask(faked, "GET", path)
        assert (answer.status, assert_in_metas_shape(answer)["code"]) == (404, 100), path
        assert cloud.of("GET", path) == []
    batch = await ask(faked, "POST", "/v25.0/", data={"batch": f'[{{"relative_url":"{SMALL}"}}]'})
    assert batch.status == 404


async def test_requests_and_answers_pass_as_they_are_but_for_the_connection(
    faked: World, cloud: FakeCloud
) -> None:
    zipped = b"\x1f\x8b not really zipped"

    async def answer(_request: web.Request, _body: bytes) -> web.StreamResponse:
        headers = {"Content-Encoding": "gzip", "X-Business-Use-Case": "kept", "Keep-Alive": "9"}
        headers |= {"Date": "Wed, 25 Nov 2026 19:00:00 GMT", "Server": "proxygen"}
        response = web.StreamResponse(status=202, headers=headers)
        response.headers.add("Set-Cookie", "a=1")
        response.headers.add("Set-Cookie", "b=2")
        response.content_length = len(zipped)
        await response.prepare(_request)
        await response.write(zipped)
        return response

    cloud.script = answer
    path = f"{NODE}/whatsapp_business_profile?fields=a%2Cb&x=%C3%BC"
    body = b"\x00\xff not text"
    data = request_bytes(
        "PATCH",
        path,
        body,
        "Content-Encoding: gzip",
        "X-Own: kept",
        "TE: trailers",
        "Proxy-Authorization: Basic made-up",
        "Connection: close",
        key=faked.keys.app_key,
    )
    got = read(await exchange(faked.data_url, data))
    assert (got.status, got.body) == (202, zipped)
    assert got.headers["X-Business-Use-Case"] == "kept"
    assert got.headers["Content-Encoding"] == "gzip"
    assert got.headers["Date"] == "Wed, 25 Nov 2026 19:00:00 GMT"
    assert got.headers["Server"] != "proxygen"
    assert "Keep-Alive" not in got.headers
    (sent, sent_body) = cloud.of("PATCH", path.partition("?")[0])[0]
    assert sent.raw_path == path
    assert sent.headers["Authorization"] == f"Bearer {faked.keys.meta_token}"
    assert sent.headers["X-Own"] == "kept"
    assert (sent.headers["Content-Encoding"], sent_body) == ("gzip", body)
    assert not {"te", "proxy-authorization"} & {name.lower() for name in sent.headers}


async def test_a_head_request_has_the_length_and_no_body(faked: World, cloud: FakeCloud) -> None:
    async def answer(_request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.Response(body=b"four")

    cloud.script = answer
    got = await ask(faked, "HEAD", NODE)
    assert (got.status, got.body, got.headers["Content-Length"]) == (200, b"", "4")


async def test_an_upload_over_the_cap_is_413_whether_its_length_is_told_or_not(
    faked: World, cloud: FakeCloud
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    for edge in ("media", "whatsapp_business_profile"):
        path = f"{NODE}/{edge}"
        for data in (io.BytesIO(b"x" * 1_000_001), chunks()):
            answer = await ask(faked, "POST", path, data=data)
            assert (answer.status, assert_in_metas_shape(answer)["code"]) == (413, 100), edge
        assert cloud.of("POST", path) == []


async def test_a_download_over_the_cap_ends_broken(faked: World, cloud: FakeCloud) -> None:
    async def answer(_request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.Response(body=b"x" * 1_000_001)

    cloud.script = answer
    with pytest.raises(aiohttp.ClientError):
        await ask(faked, "GET", NODE)


@pytest.mark.parametrize("length", [None, 500_000])
async def test_a_download_that_breaks_upstream_ends_broken_not_short(
    faked: World, cloud: FakeCloud, length: int | None
) -> None:
    async def answer(request: web.Request, _body: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = length
        await response.prepare(request)
        await response.write(b"x" * 100_000)
        assert request.transport is not None
        request.transport.close()
        return response

    cloud.script = answer
    with pytest.raises(aiohttp.ClientPayloadError):
        await ask(faked, "GET", NODE)


@pytest.mark.parametrize("edge", ["", "/media"])
async def test_a_cloud_that_breaks_before_it_answers_is_502(
    faked: World, cloud: FakeCloud, edge: str
) -> None:
    async def hang_up(request: web.Request, _body: bytes) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    cloud.script = hang_up
    answer = await ask(faked, "POST", NODE + edge, data=b"x")
    assert (answer.status, assert_in_metas_shape(answer)["code"]) == (502, 133004)
    assert int(answer.headers["Retry-After"]) >= 1


async def test_an_upload_whose_client_dies_never_looks_whole_upstream(
    faked: World, cloud: FakeCloud
) -> None:
    for header in ("Content-Length: 1000", "Transfer-Encoding: chunked"):
        part = b"5\r\nhello\r\n" if "chunked" in header else b"hello"
        data = request_bytes("POST", f"{NODE}/media", None, header, key=faked.keys.app_key) + part
        with contextlib.suppress(ConnectionError):
            await exchange(faked.data_url, data, hang_up=True)
    assert (await ask(faked, "POST", f"{NODE}/media", data=b"whole")).status == 200
    assert [body for _, body in cloud.of("POST", f"{NODE}/media")] == [b"whole"]


async def test_a_client_that_leaves_in_the_middle_of_a_download_frees_the_cloud(
    faked: World, cloud: FakeCloud
) -> None:
    gone = asyncio.Event()

    async def endless(request: web.Request, _body: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
        except ConnectionError:
            gone.set()
        return response

    cloud.script = endless
    headers = {"Authorization": f"Bearer {faked.keys.app_key}"}
    async with faked.http.get(faked.data_url + NODE, headers=headers) as answer:
        assert await answer.content.read(1)
        answer.close()

    async def freed() -> bool:
        return gone.is_set()

    await until(freed, "the end of the download upstream")


async def test_an_upload_is_answered_even_if_its_id_cannot_be_remembered(
    faked: World, cloud: FakeCloud
) -> None:
    async def upload_answer(_request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.json_response({"id": "700000000000001"})

    cloud.script = upload_answer
    faked.gateway.database.terminate()
    answer = await ask(faked, "POST", f"{NODE}/media", data=b"x")
    assert (answer.status, answer.json) == (200, {"id": "700000000000001"})
