"""Wires the emulator's doors into one web application and runs its background work."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.emulator.graph import media_door, routing
from gateway.emulator.state import State
from gateway.emulator.steering import doors

_LARGEST_BODY = 110 * 1024 * 1024


def application(state: State) -> web.Application:
    """Build the application; starting it starts the webhook sender and the schedule."""

    @web.middleware
    async def one_call(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        finally:
            state.sender.seal()

    app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[one_call])
    app.add_routes(doors.routes(state))

    async def download(request: web.Request) -> web.StreamResponse:
        return media_door.download(state, request)

    async def anything(request: web.Request) -> web.StreamResponse:
        return await routing.answer(state, request)

    app.router.add_get(media_door.DOWNLOAD_PATH + "/{ticket}", download)
    app.router.add_route("*", "/{path:.*}", anything)

    async def background(_: web.Application) -> AsyncIterator[None]:
        await state.sender.start()
        watching = state.schedule.watch(lambda: state.clock.now().timestamp(), state.speed)
        watcher = asyncio.create_task(watching)
        yield
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        await state.sender.stop()

    async def hang_up(_: web.Application) -> None:
        state.closing.set()

    app.cleanup_ctx.append(background)
    app.on_shutdown.append(hang_up)
    return app
