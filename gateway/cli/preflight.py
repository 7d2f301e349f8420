"""`gateway preflight`: asks a running gateway when a campaign could go; nothing is sent."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import typer
from rich.console import Console
from rich.progress import Progress

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
from gateway.cli.plan_view import show
from gateway.cli.runner import errors, fail

CHUNK: Final = 65_536  # bytes
STANDARD_INPUT: Final = "-"
JSON_LINES: Final = frozenset({".ndjson", ".jsonl"})
PATH: Final = "/preflight"


def preflight(  # noqa: PLR0913 - each is an argument or an option of the command
    file: Annotated[
        str | None,
        typer.Argument(help="One recipient a line: CSV, text, .ndjson; - for standard input."),
    ] = None,
    *,
    category: Annotated[str, typer.Option(help="marketing, utility or authentication.")],
    number: Annotated[str | None, typer.Option(help="The phone_number_id that would send.")] = None,
    pool: Annotated[str | None, typer.Option(help="Or all numbers of this pool.")] = None,
    template: Annotated[str | None, typer.Option(help="The template's name.")] = None,
    language: Annotated[str, typer.Option(help="The template's language.")] = "en_US",
    app: Annotated[str | None, typer.Option(help="The app's id, where apps have shares.")] = None,
    count: Annotated[int | None, typer.Option(help="So many new users instead of a list.")] = None,
    admin_url: AdminUrl = None,
    admin_key: AdminKey = None,
    sandbox: Sandbox = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Tell how many of a list can go now, when the others can, and what holds them back.

    Nothing is sent and nothing is counted. Exit code 1 when there is no answer.
    """
    if (file is None) == (count is None):
        fail("either a file (- for standard input) or --count is needed")
    given = {
        "phone_number_id": number,
        "pool_id": pool,
        "category": category,
        "app_id": app,
        "template": template,
        "language": language if template else None,
    }
    question = {name: value for name, value in given.items() if value is not None}
    door = find_door(admin_url, admin_key, sandbox)
    try:
        asking = _with_list(door, question, file) if file else _with_count(door, question, count)
        found = asyncio.run(asking)
    except NoAnswerError as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    else:
        show(found, Console(highlight=False, markup=False))


async def _with_count(door: Door, question: dict[str, str], count: int | None) -> Any:
    body: dict[str, Any] = question | {"count": count}
    if "template" in body:
        body["template"] = {"name": body["template"], "language": body.pop("language")}
    return await ask(door, Question("POST", PATH, {}, json.dumps(body).encode()))


async def _with_list(door: Door, question: dict[str, str], file: str) -> Any:
    is_json = Path(file).suffix in JSON_LINES
    content_type = "application/x-ndjson" if is_json else "text/csv"
    with ExitStack() as stack:
        try:
            source, size = _open(stack, file)
        except OSError as error:
            raise NoAnswerError(f"{file}: {error.strerror or error}") from None
        progress = stack.enter_context(
            Progress(console=errors, transient=True, disable=not errors.is_terminal)
        )
        chunks = _chunks(source, size, progress)
        return await ask(door, Question("POST", PATH, question, chunks, content_type))


def _open(stack: ExitStack, file: str) -> tuple[BinaryIO, int | None]:
    """Return what to read from, and its size where that is known."""
    if file == STANDARD_INPUT:
        return sys.stdin.buffer, None
    path = Path(file)
    return stack.enter_context(path.open("rb")), path.stat().st_size


async def _chunks(source: BinaryIO, size: int | None, progress: Progress) -> AsyncIterator[bytes]:
    uploading = progress.add_task("uploading", total=size)
    while chunk := await asyncio.to_thread(source.read, CHUNK):
        yield chunk
        progress.advance(uploading, len(chunk))
    progress.update(uploading, visible=False)
    progress.add_task("planning", total=None)
