"""Packs a request into a parcel and out of it again; nobody reads it in between."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from gateway.store.vault import Vault


class Contents(NamedTuple):
    """What Meta is to be sent: body (JSON, so UTF-8), headers, and the app's own token if any."""

    body: bytes
    headers: Sequence[tuple[str, str]]
    own_token: str | None


def pack(contents: Contents, vault: Vault) -> bytes:
    """Return the contents sealed."""
    # What is no UTF-8 in a header stands in it as lone surrogates, which orjson refuses.
    text = json.dumps([contents.body.decode(), contents.headers, contents.own_token])
    return vault.seal_contents(text.encode())


def unpack(sealed: bytes, vault: Vault) -> Contents:
    """Return the contents; VaultError when they were sealed with another key."""
    body, headers, own_token = json.loads(vault.open_contents(sealed))
    return Contents(body.encode(), [(name, value) for name, value in headers], own_token)
