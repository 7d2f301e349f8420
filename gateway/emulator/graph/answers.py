"""Writes HTTP answers in the Graph API's manner."""

import math
from typing import Any

import orjson
from aiohttp import web

from gateway.emulator.errors import Refusal
from gateway.emulator.state import State

_JSON = "application/json; charset=UTF-8"


def raw(body: bytes, status: int = 200) -> web.Response:
    """Answer with JSON that is written already."""
    return web.Response(body=body, status=status, headers={"Content-Type": _JSON})


def json(data: Any, status: int = 200) -> web.Response:
    """Answer with data."""
    return raw(orjson.dumps(data), status)


def success() -> web.Response:
    """Answer `{"success": true}`."""
    return raw(b'{"success":true}')


def refusal(state: State, no: Refusal) -> web.Response:
    """Answer with an error in Meta's shape."""
    answer = raw(state.refusal_body(no), state.status_of(no))
    if no.retry_after_s is not None:
        answer.headers["Retry-After"] = str(math.ceil(no.retry_after_s))
    return answer
