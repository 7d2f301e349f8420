"""Makes a request go wrong on the wire: silence, a broken connection, half an answer."""

import asyncio
import contextlib
import os
import socket
import struct
from typing import assert_never

from aiohttp import web

from gateway.emulator.graph.faults import Action

_LOOK_S = 0.02
_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)


async def end(
    request: web.Request, action: Action, answer: web.StreamResponse, closing: asyncio.Event
) -> web.StreamResponse:
    """End a request as a fault demands; `answer` is the honest end."""
    match action:
        case "timeout" | "accept_then_timeout":
            return await never_answer(request, closing)
        case "reset" | "accept_then_reset":
            return reset(request)
        case "half_answer":
            return await half_answer(request, answer)
        case "error" | "delay" | "accept_then_fail" | "value_error":
            return answer
        case _:
            assert_never(action)


async def never_answer(request: web.Request, closing: asyncio.Event) -> web.StreamResponse:
    """Stay silent until the client goes or the emulator stops."""
    while request.transport is not None and not request.transport.is_closing():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await closing.wait()
        if closing.is_set():
            break
    return web.Response(status=503)


def reset(request: web.Request) -> web.StreamResponse:
    """Break the TCP connection at once, with a reset instead of a farewell."""
    transport = request.transport
    if transport is not None:
        _forget_to_linger(transport)
        transport.abort()
    return web.Response(status=503)


async def half_answer(request: web.Request, whole: web.StreamResponse) -> web.StreamResponse:
    """Promise the whole body, send the first half, break the connection."""
    body = whole.body if isinstance(whole, web.Response) else None
    body = body if isinstance(body, bytes) else b"{}"
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    answer = web.StreamResponse(headers=headers)
    await answer.prepare(request)
    await answer.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return answer


def _forget_to_linger(transport: asyncio.Transport) -> None:
    original = transport.get_extra_info("socket")
    if original is None:
        return
    # A duplicate, since event loops differ in what they let one do with a transport's socket.
    with socket.socket(fileno=os.dup(original.fileno())) as duplicate:
        duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT_AT_ALL)
