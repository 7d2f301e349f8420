"""`gateway outbox`: shows what waits in a running gateway's outbox, and steers it."""

import asyncio
import json
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

PAGE: Final = 50


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
    state: Annotated[str | None, typer.Option(help="parked, held, sending or dead.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only what waits because of this rule.")] = None,
    expires_at: Annotated[
        str | None, typer.Option(help="With redrive: until when it may wait now, in ISO 8601.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it, rather than count.")] = False,
    admin_url: AdminUrl = None,
    admin_key: AdminKey = None,
    sandbox: Sandbox = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Show what waits, newest first, or count it; cancel, hold, resume or redrive by filter.

    A deed only tells how many parcels it would be done to, until it is given --yes.
    """
    given = {
        "phone_number_id": number,
        "pool_id": pool,
        "app_id": app,
        "send_class": send_class,
        "state": state,
        "rule": rule,
        "expires_at": expires_at,
    }
    wanted = {name: value for name, value in given.items() if value is not None}
    door = find_door(admin_url, admin_key, sandbox)
    try:
        match action:
            case Action.LIST:
                question = Question("GET", "/outbox", wanted | {"limit": str(PAGE)})
                _show(asyncio.run(ask(door, question)), _parcels, as_json=as_json)
            case Action.COUNT:
                question = Question("GET", "/outbox/count", wanted)
                _show(asyncio.run(ask(door, question)), _counts, as_json=as_json)
            case _:
                asyncio.run(_do(door, action, wanted, yes=yes))
    except NoAnswerError as error:
        fail(str(error))


async def _do(door: Door, action: Action, wanted: dict[str, str], *, yes: bool) -> None:
    """Do it until there is no more."""
    body = json.dumps(wanted | {"preview": not yes}).encode()
    question = Question("POST", f"/outbox/{action}", {}, body)
    total, more = 0, True
    while more:
        found = await ask(door, question)
        total, more = total + found["affected"], found["more"]
    typer.echo(f"{action}: {total}" if yes else f"would {action}: {total} (do it with --yes)")


def _show(found: Any, lines: Any, *, as_json: bool) -> None:
    typer.echo(json.dumps(found, indent=1) if as_json else "\n".join(lines(found)))


def _counts(found: Any) -> list[str]:
    rows = [("number", "class", "state", "rule", "parcels", "oldest due")]
    for group in found["groups"]:
        named = (group[name] for name in ("phone_number_id", "send_class", "state"))
        rows.append((*named, group["rule"] or "-", str(group["parcels"]), group["oldest_due_at"]))
    return [*_table(rows), f"total: {found['total']}"]


def _parcels(found: Any) -> list[str]:
    names = ("message_id", "phone_number_id", "user_id", "app_id", "send_class", "state")
    rows = [("message", "number", "user", "app", "class", "state", "rule", "due", "expires")]
    for parcel in found["parcels"]:
        named = (parcel[name] for name in names)
        rows.append((*named, parcel["rule"] or "-", parcel["due_at"], parcel["expires_at"]))
    return _table(rows)


def _table(rows: list[Any]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
