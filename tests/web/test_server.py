import errno
import re
import socket
from typing import Final

import pytest
from aiohttp import web

from gateway.web.server import listen
from tests.web.wire import exchange, read, request_bytes
from tests.world import HOST, SMALL, World

CONSOLE_FILES: Final = {
    "console.js": "javascript",
    "outbox.js": "javascript",
    "api.js": "javascript",
    "console.css": "css",
}


async def test_the_two_listeners_serve_nothing_of_each_other(world: World) -> None:
    key = {"Authorization": f"Bearer {world.keys.admin_key}"}
    app = {"Authorization": f"Bearer {world.keys.app_key}"}
    for path in ("/admin/v1/numbers", "/console", "/metrics", "/healthz"):
        assert (await world.call("GET", world.admin_url + path, headers=key)).status == 200
        assert (await world.call("GET", world.data_url + path, headers=app)).status == 404
    for path in (f"/v25.0/{SMALL}", "/webhooks/whatsapp"):
        assert (await world.call("GET", world.admin_url + path, headers=app)).status == 404


async def test_the_console_is_a_page_with_its_scripts_and_style_and_nothing_beside(
    world: World,
) -> None:
    page = await world.call("GET", f"{world.admin_url}/console")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    texts = {}
    for name, kind in CONSOLE_FILES.items():
        answer = await world.call("GET", f"{world.admin_url}/console/{name}")
        assert (answer.status, kind in answer.headers["Content-Type"]) == (200, True), name
        texts[name] = answer.body.decode()
    scripts = "".join(text for name, text in texts.items() if name.endswith(".js"))
    named = set(re.findall(r"(?:/console/|\./)([\w.]+)", page.body.decode() + scripts))
    assert named == set(CONSOLE_FILES)
    ids = set(re.findall(r'getElementById\("([^"]+)"\)', scripts))
    assert ids <= set(re.findall(r' id="([^"]+)"', page.body.decode()))
    assert "//" not in re.sub(r"//[ ]", "", page.body.decode() + scripts + texts["console.css"])
    for path in ("/console/", "/console/nothing.js", "/console/..%2Fserver.py", "/console/%2e%2e/"):
        data = request_bytes("GET", path, None, "Connection: close")
        assert read(await exchange(world.admin_url, data)).status in {403, 404}, path


async def test_answers_close_their_connection_from_the_moment_on_at_which_it_is_to_stop(
    world: World,
) -> None:
    key = f"Authorization: Bearer {world.keys.app_key}"
    delivery = request_bytes("GET", "/webhooks/whatsapp")
    asked = (
        request_bytes("GET", f"/v25.0/{SMALL}", None, key),
        request_bytes("GET", "/"),
        delivery,
    )
    before = [read(await exchange(world.data_url, data)) for data in asked]
    world.gateway.drain.has_begun = True
    after = [read(await exchange(world.data_url, data)) for data in asked]
    assert [answer.status for answer in after] == [answer.status for answer in before]
    assert [answer.headers.get("Connection") for answer in (*before, *after)] == [
        *(None for _ in asked),
        *("close" for _ in asked),
    ]


async def test_a_free_port_is_taken_and_told() -> None:
    runner = web.ServerRunner(web.Server(answer_nothing))
    port = await listen(runner, HOST, 0)
    try:
        assert port > 0
        data = request_bytes("GET", "/", None, "Connection: close")
        answer = read(await exchange(f"http://{HOST}:{port}", data))
        assert answer.status == 204
    finally:
        await runner.cleanup()


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_running() -> None:
    with socket.create_server((HOST, 0)) as taken:
        runner = web.ServerRunner(web.Server(answer_nothing))
        with pytest.raises(OSError, match="in use") as refused:
            await listen(runner, HOST, taken.getsockname()[1])
        assert refused.value.errno == errno.EADDRINUSE
        assert runner.server is None


async def answer_nothing(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=204)
