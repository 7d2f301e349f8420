"""The admin API of a sandbox alone: the clock that may be moved."""

from typing import Final

from aiohttp import web

from gateway.web import schemas
from gateway.web.admin import AdminParts, Route, read_body, reply


async def move_clock(parts: AdminParts, request: web.Request) -> web.Response:
    """Move the sandbox's clock ahead; the emulator's moves with it."""
    body = await read_body(request, schemas.ClockBody)
    if parts.advance_clock is None:
        raise AssertionError("this path exists in a sandbox only")
    await parts.advance_clock(body.advance_s)
    return reply({"now": parts.clock.now()})


ROUTES: Final = (Route("POST", "/sandbox/clock", move_clock),)
