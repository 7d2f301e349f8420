"""Serves the page on which people look at the emulator; it needs nothing from elsewhere."""

from pathlib import Path

from aiohttp import web

_PAGE = Path(__file__).with_name("page.html")


def answer() -> web.Response:
    """Answer with the page."""
    return web.Response(text=_PAGE.read_text(encoding="utf-8"), content_type="text/html")
