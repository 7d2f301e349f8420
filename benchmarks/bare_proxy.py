"""The floor: a pass-through in aiohttp that does nothing but pass through."""

import sys

import aiohttp
import uvloop
from aiohttp import web


async def make(upstream: str) -> web.Application:
    """Return the application: read the body, post it upstream, return the answer."""
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=512))

    async def forward(request: web.Request) -> web.Response:
        body = await request.read()
        headers = {"Content-Type": "application/json"}
        async with session.post(upstream + request.path, data=body, headers=headers) as answer:
            return web.Response(status=answer.status, body=await answer.read())

    app = web.Application()
    app.router.add_post("/{path:.*}", forward)

    async def close(_app: web.Application) -> None:
        await session.close()

    app.on_cleanup.append(close)
    return app


if __name__ == "__main__":
    uvloop.install()
    web.run_app(
        make(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None
    )
