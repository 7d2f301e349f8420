import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer
from aiohttp import web

from gateway.cli.admin_door import Door, NoAnswerError, Question, ask, find_door
from gateway.web.server import listen
from tests.world import HOST, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SANDBOX = {"admin_url": "http://127.0.0.1:9081", "admin_key": "of the sandbox"}


@asynccontextmanager
async def serving(answer: Handler) -> AsyncIterator[str]:
    """Run what answers every request; yields its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    try:
        yield f"http://{HOST}:{await listen(runner, HOST, 0)}"
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Return what changes the settings, of which there are none."""
    for name in ("ADMIN_KEY", "ADMIN_HOST", "ADMIN_PORT", "CONFIG"):
        monkeypatch.delenv(f"GATEWAY_{name}", raising=False)
    return monkeypatch


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    (tmp_path / "sandbox.json").write_text(json.dumps(SANDBOX))
    return tmp_path


def refusal(capsys: pytest.CaptureFixture[str], sandbox: Path | None) -> str:
    """Return the one line with which a door is not found."""
    with pytest.raises(typer.Exit) as ended:
        find_door(None, None, sandbox)
    assert ended.value.exit_code == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_what_is_told_beats_the_sandbox_and_that_the_settings(
    sandbox: Path, settings: pytest.MonkeyPatch
) -> None:
    settings.setenv("GATEWAY_ADMIN_KEY", "of the settings")
    settings.setenv("GATEWAY_ADMIN_PORT", "7081")
    told = Door("http://there:1", "told")
    assert find_door("http://there:1/", "told", sandbox) == told
    assert find_door(None, "told", sandbox) == Door(SANDBOX["admin_url"], "told")
    assert find_door(None, None, sandbox) == Door(SANDBOX["admin_url"], SANDBOX["admin_key"])
    assert find_door(None, None, None) == Door("http://127.0.0.1:7081", "of the settings")
    assert find_door("http://there:1", None, None) == Door("http://there:1", "of the settings")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8081"),  # noqa: S104 - not bound
        ("::", "http://[::1]:8081"),
        ("10.0.0.7", "http://10.0.0.7:8081"),
    ],
)
def test_who_listens_everywhere_is_asked_here(
    settings: pytest.MonkeyPatch, host: str, url: str
) -> None:
    settings.setenv("GATEWAY_ADMIN_HOST", host)
    assert find_door(None, "told", None) == Door(url, "told")


def test_without_a_key_there_is_no_door(capsys: pytest.CaptureFixture[str]) -> None:
    assert "GATEWAY_ADMIN_KEY, --admin-key or --sandbox" in refusal(capsys, None)


@pytest.mark.parametrize("written", [None, "no JSON", "{}", "[]"])
def test_a_folder_in_which_no_sandbox_has_written_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, written: str | None
) -> None:
    if written is not None:
        (tmp_path / "sandbox.json").write_text(written)
    line = refusal(capsys, tmp_path)
    assert str(tmp_path / "sandbox.json") in line
    assert "is it running?" in line


async def test_what_is_asked_arrives_with_the_key() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "asked": f"{request.method} {request.path_qs}",
                "key": request.headers["Authorization"],
                "type": request.content_type,
                "body": await request.text(),
            }
        )

    async with serving(answer) as url:
        asked = Question("POST", "/outbox/hold", {"a": "b c"}, b"{}", "text/csv")
        assert await ask(Door(url, "k"), asked) == {
            "asked": "POST /admin/v1/outbox/hold?a=b+c",
            "key": "Bearer k",
            "type": "text/csv",
            "body": "{}",
        }


async def test_a_gateway_answers(world: World) -> None:
    door = Door(world.admin_url, world.keys.admin_key)
    assert (await ask(door, Question("GET", "/apps", {})))["apps"]
    with pytest.raises(NoAnswerError, match=r"^the admin key is required"):
        await ask(Door(world.admin_url, "wrong"), Question("GET", "/apps", {}))
    with pytest.raises(NoAnswerError, match=r"^colour: no such filter$"):
        await ask(door, Question("GET", "/messages", {"colour": "red"}))


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(text="hello"),
        web.json_response([], status=404),
        web.json_response({"detail": "Not Found"}, status=404),
        web.json_response({"error": "no"}, status=500),
    ],
    ids=["text", "list", "object", "error"],
)
async def test_who_is_no_gateway_is_told_apart(answer: web.Response) -> None:
    async def answering(_request: web.Request) -> web.Response:
        return answer

    async with serving(answering) as url:
        with pytest.raises(NoAnswerError, match=f"^{url} is no gateway's admin listener$"):
            await ask(Door(url, "k"), Question("GET", "/apps", {}))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "localhost:8081", "http://", "nonsense"])
async def test_who_is_not_there_is_named(url: str) -> None:
    with pytest.raises(NoAnswerError, match=f"^{url} cannot be reached "):
        await ask(Door(url, "k"), Question("GET", "/apps", {}))


async def test_an_answer_that_breaks_off_is_none() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"apps"')
        assert request.transport is not None
        request.transport.close()
        return response

    async with serving(answer) as url:
        with pytest.raises(NoAnswerError, match="cannot be reached"):
            await ask(Door(url, "k"), Question("GET", "/apps", {}))
