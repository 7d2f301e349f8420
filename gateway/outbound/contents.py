"""Packs a request into a parcel and out of it again; nobody reads it in between."""

from typing import NamedTuple

import orjson

from gateway.store.vault import Vault


class Contents(NamedTuple):
    """What Meta is to be sent: body (JSON, so UTF-8), headers, and the app's own token if any."""

    body: bytes
    headers: dict[str, str]
    own_token: str | None


def pack(contents: Contents, vault: Vault) -> bytes:
    """Return the contents sealed."""
    text = orjson.dumps([contents.body.decode(), contents.headers, contents.own_token])
    return vault.seal(text.decode())


def unpack(sealed: bytes, vault: Vault) -> Contents:
    """Return the contents; VaultError when they were sealed with another key."""
    body, headers, own_token = orjson.loads(vault.open(sealed))
    return Contents(body.encode(), headers, own_token)
