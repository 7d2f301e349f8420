"""The apps that may send, the tokens they send with, and the ids that belong to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from gateway.store.queries import beside
from gateway.whatsapp.ids import PhoneNumberId, WabaId

SQL = beside(__file__)


class Credential(StrEnum):
    """How an app proves who it is: with our key, or with Meta's token, which is passed through."""

    GATEWAY_KEY = "gateway_key"
    META_TOKEN = "meta_token"  # noqa: S105 - a word, not a secret


@dataclass(frozen=True, slots=True)
class App:
    """One client of the gateway; `key_hash` is the SHA-256 of what it authenticates with.

    `wait_s` is how long its callers wait who do not say, None for as long as the process lets
    them; `joins_retries` whether a request that is identical to one in flight gets its answer;
    `responds_async` whether what may not go now is parked although the request does not say so,
    and `parks` the same of a class, which beats it; `resends` whether a message of a class is sent
    once more when it is in doubt; `callback_url` where it is told what became of messages.
    """

    app_id: str
    name: str
    key_hash: bytes
    credential: Credential
    wait_s: float | None = None
    joins_retries: bool = True
    responds_async: bool = False
    parks: Mapping[str, bool] = field(default_factory=dict)
    resends: Mapping[str, bool] = field(default_factory=dict)
    callback_url: str | None = None
    sealed_callback_secret: bytes | None = None


async def get_all(connection: Any) -> list[App]:
    """Return the apps that are not disabled, by their ids."""
    return [_app(row) for row in await connection.fetch(SQL["all"])]


async def get(connection: Any, app_id: str) -> App | None:
    """Return an app, None when there is none that is not disabled; keeps other writers out."""
    row = await connection.fetchrow(SQL["one"], app_id)
    return None if row is None else _app(row)


async def put(connection: Any, app: App, at: datetime) -> None:
    """Add an app or change it."""
    await connection.execute(
        SQL["put"],
        app.app_id,
        app.name,
        app.key_hash,
        app.credential,
        at,
        app.wait_s,
        app.joins_retries,
        app.responds_async,
        orjson.dumps(app.parks).decode(),
        orjson.dumps(app.resends).decode(),
        app.callback_url,
        app.sealed_callback_secret,
    )


async def put_token(connection: Any, waba_id: WabaId, sealed: bytes) -> None:
    """Keep the sealed access token of a WABA."""
    await connection.execute(SQL["put_token"], waba_id, sealed)


async def get_tokens(connection: Any) -> dict[WabaId, bytes]:
    """Return the sealed access token of each WABA that has one."""
    return {row["waba_id"]: row["sealed_token"] for row in await connection.fetch(SQL["tokens"])}


async def put_media(
    connection: Any, media: Sequence[tuple[str, PhoneNumberId]], at: datetime
) -> None:
    """Remember which number media ids belong to."""
    await connection.execute(
        SQL["put_media"],
        [media_id for media_id, _ in media],
        [number for _, number in media],
        [at] * len(media),
    )


async def number_of_media(connection: Any, media_id: str) -> PhoneNumberId | None:
    """Return the number a media id belongs to, None when it was never seen."""
    number: PhoneNumberId | None = await connection.fetchval(SQL["media_number"], media_id)
    return number


async def waba_of_template(connection: Any, template_id: str) -> WabaId | None:
    """Return the WABA a template id belongs to, None when it was never seen."""
    waba: WabaId | None = await connection.fetchval(SQL["template_waba"], template_id)
    return waba


def _app(row: Any) -> App:
    return App(
        **{
            **row,
            "credential": Credential(row["credential"]),
            "parks": orjson.loads(row["parks"]),
            "resends": orjson.loads(row["resends"]),
        }
    )
