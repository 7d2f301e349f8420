import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.emulator.graph import mishaps
from gateway.emulator.graph.faults import Action

BODY = b'{"messages":[{"id":"wamid.x"}]}'
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def fetched(handler: Handler, timeout_s: float = 5) -> tuple[int, bytes]:
    app = web.Application()
    app.router.add_get("/", handler)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/", timeout=aiohttp.ClientTimeout(total=timeout_s))
        return answer.status, await answer.read()


def ending(action: Action, closing: asyncio.Event | None = None) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await mishaps.end(
            request, action, web.Response(body=BODY), closing or asyncio.Event()
        )

    return handler


@pytest.mark.parametrize("action", ["error", "delay", "accept_then_fail", "value_error"])
async def test_an_honest_end_is_the_answer(action: Action) -> None:
    assert await fetched(ending(action)) == (200, BODY)


@pytest.mark.parametrize("action", ["reset", "accept_then_reset"])
async def test_a_reset_breaks_the_connection(action: Action) -> None:
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await fetched(ending(action))


async def test_half_an_answer_is_incomplete() -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await fetched(ending("half_answer"))


async def test_silence_lasts_until_the_client_goes() -> None:
    went = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        # Whether a handler is cancelled when its client goes is up to the server.
        try:
            return await mishaps.never_answer(request, asyncio.Event())
        finally:
            went.set()

    app = web.Application()
    app.router.add_get("/", handler)
    async with TestClient(TestServer(app)) as client:
        with pytest.raises(TimeoutError):
            await client.get("/", timeout=aiohttp.ClientTimeout(total=0.1))
        async with asyncio.timeout(5):
            await went.wait()


async def test_silence_ends_when_the_emulator_stops() -> None:
    closing = asyncio.Event()
    closing.set()
    assert (await fetched(ending("timeout", closing)))[0] == 503
