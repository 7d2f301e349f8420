"""Finds a running gateway's admin API and asks it, for the commands that need one."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import aiohttp
import typer

from gateway.cli.runner import fail, settings_or_fail

EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - not bound, but recognised
PATIENCE: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=600)
JSON: Final = "application/json"

AdminUrl = Annotated[str | None, typer.Option(help="The admin listener's address.")]
AdminKey = Annotated[str | None, typer.Option(help="Its key, else GATEWAY_ADMIN_KEY.")]
Sandbox = Annotated[Path | None, typer.Option(help="Ask the sandbox of this folder.")]


@dataclass(frozen=True, slots=True)
class Door:
    """Where the admin API is, and its key."""

    url: str
    key: str


class NoAnswerError(Exception):
    """The gateway has not done what it was asked; the text is one line for a person."""


class Question(NamedTuple):
    """A request of the admin API; `path` below `/admin/v1`, `body` bytes or a stream of them."""

    method: str
    path: str
    query: dict[str, str]
    body: Any = None
    content_type: str = JSON


def find_door(url: str | None, key: str | None, sandbox: Path | None) -> Door:
    """Return where to ask: as told, else as the sandbox or the settings say."""
    if sandbox is not None:
        try:
            written = json.loads((sandbox / "sandbox.json").read_text())
            url, key = url or written["admin_url"], key or written["admin_key"]
        except (OSError, ValueError, LookupError, TypeError):
            fail(f"no sandbox has written {sandbox / 'sandbox.json'}: is it running?")
    if url is None or key is None:
        settings = settings_or_fail()
        host = EVERYWHERE.get(settings.admin_host, settings.admin_host)
        url = url or f"http://{host}:{settings.admin_port}"
        key = key or (settings.admin_key.get_secret_value() if settings.admin_key else None)
    if key is None:
        fail("the admin key is needed: GATEWAY_ADMIN_KEY, --admin-key or --sandbox")
    return Door(url.rstrip("/"), key)


async def ask(door: Door, question: Question) -> Any:
    """Return the JSON of the answer; NoAnswerError when there is none, or a refusal."""
    headers = {"Authorization": f"Bearer {door.key}", "Content-Type": question.content_type}
    url = f"{door.url}/admin/v1{question.path}"
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE, headers=headers) as session,
            session.request(
                question.method, url, params=question.query, data=question.body
            ) as answer,
        ):
            found = await answer.json()
            refusal = None if answer.status == HTTPStatus.OK else str(found["error"]["message"])
    except (aiohttp.ContentTypeError, LookupError, TypeError):
        raise NoAnswerError(f"{door.url} is no gateway's admin listener") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NoAnswerError(f"{door.url} cannot be reached ({type(error).__name__})") from None
    if refusal is not None:
        raise NoAnswerError(refusal)
    return found
