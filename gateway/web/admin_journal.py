"""The admin API's journal: what became of messages, and deliveries that could not be read."""

import re
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from aiohttp import web

from gateway.store import inbox, messages
from gateway.store.message_ids import first_id_at
from gateway.store.messages import PageFilter
from gateway.web import views
from gateway.web.admin import AdminParts, BadRequestError, Route, problem, reply

PAGE: Final = 50
LARGEST_PAGE: Final = 500
LARGEST_ID: Final = 2**63 - 1
OLDEST_S: Final = 10 * 366 * 86_400
FILTERS: Final = ("phone_number_id", "pool_id", "user_id", "state", "decision", "rule")


async def list_messages(parts: AdminParts, request: web.Request) -> web.Response:
    """Page through the journal, newest first; `next` is the `before` of the next page.

    `older_than_s` leaves out what is younger: with `state=accepted` it shows what Meta has taken
    and told nothing of since.
    """
    wanted = _page_filter(request, parts.clock.now())
    async with parts.database.connection() as connection:
        rows = await messages.page(connection, wanted)
    page = [views.message_view(row) for row in rows]
    following = page[-1]["message_id"] if len(page) == wanted.limit else None
    return reply({"messages": page, "next": following})


async def show_message(parts: AdminParts, request: web.Request) -> web.Response:
    """Tell the whole story of one message."""
    message_id = read_id(request.match_info["id"], "id")
    async with parts.database.connection() as connection:
        row = await messages.story(connection, message_id)
    if row is None:
        return problem(404, f"unknown: {message_id.hex}")
    return reply(views.story_view(row))


async def list_problems(parts: AdminParts, request: web.Request) -> web.Response:
    """Show deliveries that could not be read in full, newest first."""
    text = request.query.get("before")
    before = None if text is None else _whole(text, "before", LARGEST_ID)
    async with parts.database.connection() as connection:
        rows = await inbox.problems(connection, before, PAGE)
        waiting = await inbox.backlog(connection)
    problems = [
        {
            "delivery_id": row["delivery_id"],
            "received_at": row["received_at"],
            "problem": row["problem"],
            "body": row["body"].decode(errors="replace"),
        }
        for row in rows
    ]
    return reply({"waiting": waiting, "problems": problems})


def _page_filter(request: web.Request, now: datetime) -> PageFilter:
    query = request.query
    unknown = set(query) - {*FILTERS, "before", "older_than_s", "limit"}
    if unknown:
        raise BadRequestError(f"{min(unknown)}: no such filter")
    limit = read_limit(query.get("limit", str(PAGE)))
    bounds = []
    if before := query.get("before"):
        bounds.append(read_id(before, "before"))
    if age := query.get("older_than_s"):
        seconds = _whole(age, "older_than_s", OLDEST_S)
        bounds.append(first_id_at(now - timedelta(seconds=seconds)))
    return PageFilter(
        **{name: query.get(name) for name in FILTERS},
        before=min(bounds, default=None),
        limit=limit,
    )


def _whole(text: str, name: str, most: int) -> int:
    if re.fullmatch("[0-9]{1,19}", text) is None or not 1 <= int(text) <= most:
        raise BadRequestError(f"{name}: must be between 1 and {most}")
    return int(text)


def read_limit(text: str) -> int:
    """Read how long a page is to be; BadRequestError where it is no length."""
    return _whole(text, "limit", LARGEST_PAGE)


def read_id(text: str, name: str) -> UUID:
    """Read a message's id; BadRequestError names the field."""
    try:
        return UUID(hex=text)
    except ValueError:
        raise BadRequestError(f"{name}: must be a message id") from None


ROUTES: Final = (
    Route("GET", "/messages", list_messages),
    Route("GET", "/messages/{id}", show_message),
    Route("GET", "/inbox/problems", list_problems),
)
