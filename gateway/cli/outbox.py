"""`gateway outbox`: shows what waits in a running gateway's outbox, and steers it."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from gateway.cli.admin_door import (
    AdminKey,
    AdminUrl,
    Door,
    NoAnswerError,
    Question,
    Sandbox,
    ask,
    find_door,
)
from gateway.cli.runner import fail

PARCEL: Final = ("message_id", "phone_number_id", "user_id", "app_id", "send_class", "state")


class Action(StrEnum):
    """What to look at, or to do."""

    LIST = "list"
    COUNT = "count"
    CANCEL = "cancel"
    HOLD = "hold"
    RESUME = "resume"
    REDRIVE = "redrive"


def outbox(  # noqa: PLR0913 - each is an argument or an option of the command
    action: Annotated[Action, typer.Argument(help="What to look at, or to do.")],
    *,
    number: Annotated[str | None, typer.Option(help="Only of this phone_number_id.")] = None,
    pool: Annotated[str | None, typer.Option(help="Only of this pool.")] = None,
    app: Annotated[str | None, typer.Option(help="Only of this app.")] = None,
    send_class: Annotated[str | None, typer.Option("--class", help="Only of this class.")] = None,
    user: Annotated[str | None, typer.Option(help="Only to this user, by id.")] = None,
    message: Annotated[str | None, typer.Option(help="Only this message, by id.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only what waits because of this rule.")] = None,
    state: Annotated[
        str | None,
        typer.Option(help="Only parked, held, sending or dead; cancel spares the dead if unsaid."),
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option(help="With redrive: until when it may wait now, in ISO 8601.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="With list: how many, 1 to 500.")] = None,
    before: Annotated[str | None, typer.Option(help="With list: older than this message.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it, rather than count.")] = False,
    admin_url: AdminUrl = None,
    admin_key: AdminKey = None,
    sandbox: Sandbox = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Show what waits, newest first, or count it; cancel, hold, resume or redrive by filter.

    A deed only tells to how many messages it would be done, until it is given --yes. What is just
    being sent is left alone. Exit code 1 when there is no answer.
    """
    given = {
        "phone_number_id": number,
        "pool_id": pool,
        "app_id": app,
        "send_class": send_class,
        "user_id": user,
        "message_id": message,
        "rule": rule,
        "state": state,
        "expires_at": expires_at,
        "limit": limit,
        "before": before,
    }
    wanted = {name: value for name, value in given.items() if value is not None}
    door = find_door(admin_url, admin_key, sandbox)
    try:
        found, lines = asyncio.run(_found(door, action, wanted, yes=yes))
    except NoAnswerError as error:
        fail(str(error))
    typer.echo(json.dumps(found, indent=1) if as_json else "\n".join(lines(found)))


async def _found(
    door: Door, action: Action, wanted: dict[str, Any], *, yes: bool
) -> tuple[Any, Callable[[Any], Sequence[str]]]:
    """Return the answer, and what shows it to a person."""
    query = {name: str(value) for name, value in wanted.items()}
    match action:
        case Action.LIST:
            return await ask(door, Question("GET", "/outbox", query)), _parcels
        case Action.COUNT:
            return await ask(door, Question("GET", "/outbox/count", query)), _counts
        case _:
            return await _do(door, action, wanted | {"preview": not yes}), _deed


async def _do(door: Door, action: Action, wanted: dict[str, Any]) -> dict[str, Any]:
    """Do it until there is no more, for one request does it to a bounded number."""
    question = Question("POST", f"/outbox/{action}", {}, json.dumps(wanted).encode())
    total, more = 0, True
    while more:
        try:
            found = await ask(door, question)
        except NoAnswerError as error:
            so_far = f" ({action}: {total} so far)" if total else ""
            raise NoAnswerError(f"{error}{so_far}") from None
        total, more = total + found["affected"], found["more"]
    return {"action": action, "preview": wanted["preview"], "affected": total}


def _deed(done: Any) -> list[str]:
    action, affected = done["action"], done["affected"]
    if done["preview"]:
        return [f"would {action}: {affected} (do it with --yes)"]
    return [f"{action}: {affected}"]


def _counts(found: Any) -> list[str]:
    rows = [("number", "class", "state", "reason", "messages", "oldest due (UTC)")]
    for group in found["groups"]:
        named = (group[name] for name in ("phone_number_id", "send_class", "state"))
        due = _hour(group["oldest_due_at"])
        rows.append((*named, group["rule"] or "-", str(group["parcels"]), due))
    return [*_table(rows), f"total: {found['total']}"]


def _parcels(found: Any) -> list[str]:
    hours = "due (UTC)", "expires (UTC)"
    rows = [("message", "number", "user", "app", "class", "state", *hours, "reason")]
    for parcel in found["parcels"]:
        hours = _hour(parcel["due_at"]), _hour(parcel["expires_at"])
        reason = ": ".join(filter(None, (parcel["rule"], parcel["detail"]))) or "-"
        rows.append((*(parcel[name] for name in PARCEL), *hours, reason))
    more = [f"more: --before {found['next']}"] if found["next"] else []
    return [*_table(rows), *more]


def _hour(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out lines, the first of them titles; without any other there is nothing."""
    if len(rows) == 1:
        return ["nothing"]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
