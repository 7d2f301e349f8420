"""Reads the body of a Graph request, be it JSON or a form."""

from typing import Any

import orjson
from aiohttp import web

from gateway.emulator.errors import Refusal

_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


async def read(request: web.Request) -> dict[str, Any] | Refusal:
    """Read the parameters of a request: those of its body, and where absent those of its query.

    Code 100 for a body that is neither a form nor a JSON object. No body means no parameters.
    """
    given: dict[str, Any] = dict(request.query)
    if request.content_type in _FORMS:
        return given | dict(await request.post())
    body = await request.read()
    if not body:
        return given
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Refusal(100, "The body is not valid JSON.")
    if not isinstance(data, dict):
        return Refusal(100, "The body must be a JSON object.")
    return given | data
