"""Cuts lists into pages as the Graph API does, with cursors before and after."""

import base64
import binascii
from typing import Any

from aiohttp import web

_DEFAULT_LIMIT = 25
_LARGEST_LIMIT = 1000


def page(request: web.Request, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the page that `limit` and `after` ask for; bad values fall back to the first page."""
    limit = min(_number(request.query.get("limit"), _DEFAULT_LIMIT) or 1, _LARGEST_LIMIT)
    start = _position(request.query.get("after"))
    data = items[start : start + limit]
    if not data:
        return {"data": []}
    end = start + len(data)
    paging: dict[str, Any] = {"cursors": {"before": _cursor(start), "after": _cursor(end)}}
    if end < len(items):
        paging["next"] = str(request.url.update_query(after=_cursor(end), limit=str(limit)))
    return {"data": data, "paging": paging}


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"at:{position}".encode()).decode()


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, UnicodeError):
        return 0
    return _number(text.removeprefix("at:"), 0)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() else otherwise
