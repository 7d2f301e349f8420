"""`gateway preflight`: asks a running gateway when a campaign could go; nothing is sent."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import aiohttp
import typer
from rich.console import Console
from rich.progress import Progress

from gateway.cli.plan_view import show
from gateway.cli.runner import errors, fail, settings_or_fail

CHUNK: Final = 65_536  # bytes
STANDARD_INPUT: Final = "-"
JSON_LINES: Final = frozenset({".ndjson", ".jsonl"})
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - not bound, but recognised
PATIENCE: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=600)


@dataclass(frozen=True, slots=True)
class Door:
    """Where the admin API is, and its key."""

    url: str
    key: str


class NoPlanError(Exception):
    """The gateway has given no plan; the text is one line for a person."""


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
    admin_url: Annotated[str | None, typer.Option(help="The admin listener's address.")] = None,
    admin_key: Annotated[str | None, typer.Option(help="Its key, else GATEWAY_ADMIN_KEY.")] = None,
    sandbox: Annotated[Path | None, typer.Option(help="Ask the sandbox of this folder.")] = None,
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
    door = _door(admin_url, admin_key, sandbox)
    try:
        asking = _with_list(door, question, file) if file else _with_count(door, question, count)
        found = asyncio.run(asking)
    except NoPlanError as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    else:
        show(found, Console(highlight=False, markup=False))


def _door(url: str | None, key: str | None, sandbox: Path | None) -> Door:
    """Return where to ask: as told, else as the sandbox or the settings say."""
    if sandbox is not None:
        try:
            written = json.loads((sandbox / "sandbox.json").read_text())
            url, key = url or written["admin_url"], key or written["admin_key"]
        except (OSError, ValueError, KeyError):
            fail(f"no sandbox has written {sandbox / 'sandbox.json'}: is it running?")
    if url is None or key is None:
        settings = settings_or_fail()
        host = EVERYWHERE.get(settings.admin_host, settings.admin_host)
        url = url or f"http://{host}:{settings.admin_port}"
        key = key or (settings.admin_key.get_secret_value() if settings.admin_key else None)
    if key is None:
        fail("the admin key is needed: GATEWAY_ADMIN_KEY, --admin-key or --sandbox")
    return Door(url.rstrip("/"), key)


async def _with_count(door: Door, question: dict[str, str], count: int | None) -> Any:
    body: dict[str, Any] = question | {"count": count}
    if "template" in body:
        body["template"] = {"name": body["template"], "language": body.pop("language")}
    return await _ask(door, {}, json.dumps(body).encode(), "application/json")


async def _with_list(door: Door, question: dict[str, str], file: str) -> Any:
    is_json = Path(file).suffix in JSON_LINES
    content_type = "application/x-ndjson" if is_json else "text/csv"
    with ExitStack() as stack:
        try:
            source, size = _open(stack, file)
        except OSError as error:
            raise NoPlanError(f"{file}: {error.strerror or error}") from None
        progress = stack.enter_context(
            Progress(console=errors, transient=True, disable=not errors.is_terminal)
        )
        return await _ask(door, question, _chunks(source, size, progress), content_type)


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


async def _ask(door: Door, query: dict[str, str], body: Any, content_type: str) -> Any:
    headers = {"Authorization": f"Bearer {door.key}", "Content-Type": content_type}
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE, headers=headers) as session,
            session.post(f"{door.url}/admin/v1/preflight", params=query, data=body) as answer,
        ):
            found = await answer.json()
    except aiohttp.ContentTypeError:
        raise NoPlanError(f"{door.url} is no gateway's admin listener") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NoPlanError(f"{door.url} cannot be reached ({type(error).__name__})") from None
    if answer.status != HTTPStatus.OK:
        raise NoPlanError(found["error"]["message"])
    return found
