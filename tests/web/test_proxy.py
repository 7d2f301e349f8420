import asyncio
import gzip
import io
import json
import re
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from gateway.cli import demo
from tests.builders import read_receipt, template_body, text_body
from tests.web.wire import FakeCloud, assert_in_metas_shape, exchange, read, request_bytes
from tests.world import DAY_S, SMALL, Answer, MakeWorld, World

ANA, BEN, CAT = "+34600000001", "+34600000002", "+34600000003"
PATH = f"/v25.0/{SMALL}/messages"


async def request(world: World, method: str, path: str, body: Any = None, **more: Any) -> Answer:
    """Ask for a path exactly as it is written."""
    headers = {"Authorization": f"Bearer {world.keys.app_key}"} | more.pop("headers", {})
    text = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    data = None if text is None else io.BytesIO(text)  # aiohttp warns of long bytes
    url: Any = URL(world.data_url + path, encoded=True)
    return await world.call(method, url, data=data, headers=headers, **more)


async def assert_nothing_happened(world: World) -> None:
    """Nothing reserved, nothing written down, nothing sent."""
    assert await world.counted(SMALL) == 0
    assert (await world.admin("/messages"))["messages"] == []
    assert await world.sends() == []


async def test_a_send_is_governed_however_its_path_is_written(world: World) -> None:
    paths = [
        PATH,
        f"/{SMALL}/messages",
        f"//v25.0//{SMALL}///messages",
        f"/v25.0/{SMALL}/messages/",
        f"/v25.0/{SMALL}/%6Dessages",
        f"/v25.0/{SMALL}/marketing_messages",
    ]
    for number, path in enumerate(paths, 1):
        answer = await request(
            world, "POST", path, template_body(f"+3460000000{number}", "autumn_offer")
        )
        assert (answer.status, answer.headers["Gateway-Decision"]) == (200, "admit"), path
        assert await world.counted(SMALL) == number, path
    assert len(await world.accepted(SMALL)) == len(paths)


@pytest.mark.parametrize("edge", ["Messages", "messages;x=1", "messages%20"])
async def test_a_path_that_meta_may_or_may_not_take_for_a_send_is_governed(
    world: World, edge: str
) -> None:
    answer = await request(world, "POST", f"/v25.0/{SMALL}/{edge}", template_body(ANA))
    assert answer.headers["Gateway-Decision"] == "upstream"
    assert (await world.message(answer))["verdict"]["decision"] == "admit"


@pytest.mark.parametrize(
    "path",
    [
        f"/v25.0/{SMALL}/media/../messages",
        f"/v25.0/{SMALL}/media/%2e%2e/messages",
        f"/v25.0/{SMALL}/media%2F..%2Fmessages",
        "/v25.0/299999999999999/messages",
        "/messages",
        "/",
    ],
)
async def test_a_path_that_climbs_or_names_no_number_of_ours_is_404(
    world: World, path: str
) -> None:
    answer = await request(world, "POST", path, template_body(ANA))
    error = assert_in_metas_shape(answer)
    assert (answer.status, error["code"], error["error_subcode"]) == (404, 100, 33)
    assert (answer.headers["Gateway-Decision"], answer.rule) == ("reject", "account")
    await assert_nothing_happened(world)


async def test_what_cannot_be_governed_is_not_passed_on(world: World) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = await request(world, method, PATH)
        assert (answer.status, answer.code) == (400, 131055), method
        assert_in_metas_shape(answer)
    answer = await request(world, "POST", f"/v25.0/{SMALL}/messages_encrypted", b"x")
    assert (answer.status, answer.code) == (400, 131055)
    await assert_nothing_happened(world)


async def test_an_absolute_target_takes_no_token_anywhere(faked: World, cloud: FakeCloud) -> None:
    """A forward proxy would fetch it; with our token in its hand that would be theft."""
    thief = await FakeCloud().start()
    try:
        for method, target in (("GET", f"/v25.0/{SMALL}"), ("POST", PATH)):
            data = request_bytes(method, f"{thief.url}{target}", b"{}", key=faked.keys.app_key)
            answer = read(await exchange(faked.data_url, data))
            assert (answer.status, answer.code) == (404, 100)
    finally:
        await thief.stop()
    assert thief.requests == []
    assert cloud.of("POST", PATH) == []


async def test_receipts_and_typing_reserve_nothing(world: World) -> None:
    wamid = await world.inbound(SMALL, ANA)
    for typing in (False, True):
        answer = await world.send(SMALL, read_receipt(wamid, typing=typing))
        assert (answer.status, answer.json) == (200, {"success": True})
    unknown = await world.send(SMALL, read_receipt("wamid.unknown"))
    assert (unknown.code, unknown.headers["Gateway-Decision"]) == (131009, "upstream")
    await assert_nothing_happened(world)


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic Z3c6Z3c=", "Bearer gw_unknown", "Bearer gw_ñ"],
)
async def test_a_caller_nobody_knows_is_401(world: World, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    body = json.dumps(template_body(ANA)).encode()
    answer = await world.call("POST", world.data_url + PATH, data=body, headers=headers)
    assert_in_metas_shape(answer)
    assert (answer.status, answer.code, answer.rule) == (401, 190, "auth")
    await assert_nothing_happened(world)


async def test_the_word_bearer_may_be_written_in_any_case(world: World) -> None:
    headers = {"Authorization": f"bEARER {world.keys.app_key}"}
    answer = await request(world, "POST", PATH, template_body(ANA), headers=headers)
    assert answer.status == 200


async def test_an_app_may_pass_its_own_token_through(world: World) -> None:
    known = await world.template(SMALL, ANA, key=world.keys.pass_through_token)
    stranger = await world.template(SMALL, BEN, key=world.keys.meta_token)
    apps = [(await world.message(answer))["app_id"] for answer in (known, stranger)]
    assert apps == [demo.PASS_THROUGH_APP, "pass-through"]


async def test_a_stranger_with_a_wrong_token_fills_no_ledger(world: World) -> None:
    answer = await world.template(SMALL, ANA, key="EAAwrong")
    assert (answer.status, answer.code) == (401, 190)
    assert answer.headers["Gateway-Decision"] == "upstream"
    assert await world.counted(SMALL) == 0


async def test_tokens_are_not_passed_through_where_the_operator_forbids(
    make_world: MakeWorld,
) -> None:
    world = await make_world(settings={"pass_through": False})
    refused = await world.template(SMALL, ANA, key=world.keys.meta_token)
    assert (refused.status, refused.code, refused.rule) == (401, 190, "auth")
    await assert_nothing_happened(world)
    assert (await world.template(SMALL, ANA)).status == 200


async def test_an_answer_says_what_was_decided_and_what_is_left(world: World) -> None:
    answer = await world.template(SMALL, ANA)
    headers = answer.headers
    assert headers["Gateway-Decision"] == "admit"
    assert "Gateway-Rule" not in headers
    assert re.fullmatch("[0-9a-f]{32}", headers["Gateway-Message-Id"])
    timing = r"gateway;dur=\d+\.\d, wait;dur=\d+\.\d, upstream;dur=\d+\.\d"
    assert re.fullmatch(timing, headers["Server-Timing"])
    assert headers["RateLimit"] == '"messaging-limit";r=236'
    policy = '"messaging-limit";q=237;w=86400, "throughput";q=1000;w=1'
    assert headers["RateLimit-Policy"] == policy


async def test_a_full_pool_says_when_to_come_again(make_world: MakeWorld) -> None:
    world = await make_world(limits={SMALL: 2}, still=True)
    assert (await world.template(SMALL, ANA)).status == 200
    refused = await world.template(SMALL, BEN)
    error = assert_in_metas_shape(refused)
    assert (refused.status, error["code"], refused.rule) == (429, 131048, "messaging_limit")
    assert refused.headers["Gateway-Decision"] == "defer"
    assert refused.headers["Retry-After"] == str(int(DAY_S))
    assert refused.headers["RateLimit"] == '"messaging-limit";r=0'
    story = await world.message(refused)
    assert story["state"] == "turned_away"
    assert story["verdict"]["rule"] == "messaging_limit"


async def test_who_will_not_wait_is_told_at_once_and_has_reserved_nothing(
    make_world: MakeWorld,
) -> None:
    world = await make_world(throughput=1)
    answers = await asyncio.gather(
        *(world.template(SMALL, user, headers={"Prefer": "wait=0"}) for user in (ANA, BEN, CAT))
    )
    told = [answer for answer in answers if answer.status != 200]
    assert told
    for answer in told:
        assert_in_metas_shape(answer)
        assert (answer.status, answer.code, answer.rule) == (429, 130429, "throughput")
        assert int(answer.headers["Retry-After"]) >= 1
    assert await world.counted(SMALL) == len(answers) - len(told) > 0


async def test_body_and_answer_pass_byte_for_byte_apart_from_our_mark(
    faked: World, cloud: FakeCloud
) -> None:
    odd = b'{ "messages" : [{"id":"wamid.1"}] ,\n "unknown":"\\u00e9" }'

    async def answer_oddly(_request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.Response(body=odd, headers={"X-FB-Trace": "abc", "Content-Type": "text/plain"})

    cloud.script = answer_oddly
    for app_value in ("", '"biz_opaque_callback_data" : "mine" , '):
        cloud.requests.clear()
        user = "+34600000011" if app_value else "+34600000012"
        body = f'{{ {app_value}"to":"{user}", "messaging_product":"whatsapp","text":{{}} }}'
        await faked.inbound(SMALL, user)
        answer = await faked.send(
            SMALL, body.encode(), headers={"X-Own": "kept", "Prefer": "wait=1", "Cookie": "a=b"}
        )
        assert (answer.status, answer.body) == (200, odd)
        assert (answer.headers["X-FB-Trace"], answer.headers["Content-Type"]) == (
            "abc",
            "text/plain",
        )
        (sent, sent_body) = cloud.of("POST", PATH)[0]
        mark = f"gw1.{answer.headers['Gateway-Message-Id']}."
        expected = (
            body.replace('"mine"', f'"{mark}mine"')
            if app_value
            else body.replace("{", f'{{"biz_opaque_callback_data":"{mark}",', 1)
        )
        assert sent_body.decode() == expected
        assert sent.headers["Authorization"] == f"Bearer {faked.keys.meta_token}"
        assert sent.headers["X-Own"] == "kept"
        assert "Prefer" not in sent.headers


async def test_the_emulator_sees_our_mark_around_the_apps_own(world: World) -> None:
    answer = await world.send(SMALL, template_body(ANA, biz_opaque_callback_data="mine"))
    (seen,) = await world.sends(SMALL)
    message_id = answer.headers["Gateway-Message-Id"]
    assert seen["biz_opaque_callback_data"] == f"gw1.{message_id}.mine"


GOOD = template_body(ANA)
DEEP = b'{"messaging_product":"whatsapp","to":"+34600000001","x":' + b"[" * 100_000


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 100),
        (b"not JSON", 100),
        (b"\xff\xfe", 100),
        (b"[1, 2]", 100),
        (b'"text"', 100),
        (b"null", 100),
        (DEEP, 100),
        (GOOD | {"to": {"phone": ANA}}, 100),
        (GOOD | {"to": [ANA]}, 100),
        (GOOD | {"template": "order_update"}, 100),
        (GOOD | {"type": 7}, 100),
        (text_body(ANA) | {"to": None}, 131008),
        ({name: value for name, value in GOOD.items() if name != "to"}, 131008),
        ({name: value for name, value in GOOD.items() if name != "messaging_product"}, 131008),
        (GOOD | {"template": None}, 131008),
        (GOOD | {"template": {"name": "order_update"}}, 131008),
        (GOOD | {"to": ""}, 131009),
        (GOOD | {"to": "\0"}, 131009),
        (GOOD | {"to": "9" * 20_000}, 131009),
        (GOOD | {"type": "te\0xt"}, 131009),
        (template_body(ANA, "a\0b"), 131009),
        (template_body(ANA, "a" * 600), 131009),
        (template_body(ANA, language="en\0"), 131009),
        (text_body("x" * 20_000) | {"recipient_type": "group"}, 131009),
        (GOOD | {"biz_opaque_callback_data": "x" * 513}, 131009),
        (GOOD | {"status": "delivered", "to": None}, 131009),
    ],
)
async def test_what_is_no_message_is_refused_in_metas_shape(
    world: World, body: Any, code: int
) -> None:
    answer = await request(world, "POST", PATH, body)
    error = assert_in_metas_shape(answer)
    assert (answer.status, error["code"], answer.rule) == (400, code, "envelope")
    assert answer.headers["Gateway-Decision"] == "reject"
    await assert_nothing_happened(world)


async def test_a_body_over_the_cap_is_413_and_one_below_is_taken(world: World) -> None:
    room = 1_048_576 - len(json.dumps(GOOD | {"x": ""}))
    mark = 200  # what the gateway adds may make it no larger than its client likes
    assert (await request(world, "POST", PATH, GOOD | {"x": "y" * (room - mark)})).status == 200
    for surplus in (1, 1_000_000, 5_000_000):
        answer = await request(world, "POST", PATH, GOOD | {"x": "y" * (room + surplus)})
        assert (answer.status, assert_in_metas_shape(answer)["code"]) == (413, 100), surplus
    assert len(await world.sends()) == 1


async def test_a_compressed_body_is_refused_with_the_reason(world: World) -> None:
    body = gzip.compress(json.dumps(GOOD).encode())
    answer = await request(world, "POST", PATH, body, headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.code) == (400, 100)
    assert "compressed" in assert_in_metas_shape(answer)["error_data"]["details"]
    await assert_nothing_happened(world)


async def test_one_bad_message_does_not_spoil_those_decided_with_it(world: World) -> None:
    bodies = [template_body(f"+3460000{number:04d}") for number in range(20)]
    bad = [GOOD | {"to": "\0"}, GOOD | {"to": "9" * 20_000}, GOOD | {"type": "\0"}]
    answers = await asyncio.gather(*(world.send(SMALL, body) for body in [*bodies, *bad]))
    assert [answer.status for answer in answers] == [200] * 20 + [400] * 3
    assert await world.counted(SMALL) == 20


async def test_a_status_no_standard_knows_is_passed_on_all_the_same(
    faked: World, cloud: FakeCloud
) -> None:
    """Counting an answer must never spoil it: Meta has taken the message."""

    async def oddly(_request: web.Request, _body: bytes) -> web.StreamResponse:
        return web.json_response({"messages": [{"id": "wamid.odd"}]}, status=799)

    await faked.inbound(SMALL, ANA)
    cloud.script = oddly
    answer = await faked.text(SMALL, ANA)
    assert (answer.status, answer.headers["Gateway-Decision"]) == (799, "upstream")
