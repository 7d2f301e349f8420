"""Seals the links Meta hands out for media, so that only its own links are ever followed."""

import base64
import hashlib
from datetime import datetime
from typing import Final, NamedTuple

import orjson
from cryptography.fernet import Fernet, InvalidToken

from gateway.whatsapp.ids import WabaId


class MediaLink(NamedTuple):
    """A link of Meta's and the account whose token opens it."""

    url: str
    waba_id: WabaId


class MediaLinks:
    """Turns a link of Meta's into one of ours, good for as long as Meta's is.

    Source: MEDIA (16 Jun 2026), R§1.3: a download URL is valid for 5 minutes.
    """

    PREFIX: Final = "media"
    VALID_S: Final = 300

    def __init__(self, secret: str | None = None) -> None:
        """Seal with `secret`, so that each process opens the links of the others."""
        self._fernet = Fernet(_key(secret) if secret else Fernet.generate_key())

    def seal(self, url: str, waba_id: WabaId, now: datetime) -> str:
        """Return the path under which the gateway serves `url`."""
        sealed = self._fernet.encrypt_at_time(orjson.dumps([url, waba_id]), int(now.timestamp()))
        return f"/{self.PREFIX}/{sealed.decode()}"

    def open(self, sealed: str, now: datetime) -> MediaLink | None:
        """Return the link, None if it is not one of ours or has expired."""
        try:
            opened = self._fernet.decrypt_at_time(sealed, self.VALID_S, int(now.timestamp()))
        except (InvalidToken, ValueError):  # the latter for what is not even ASCII
            return None
        return MediaLink(*orjson.loads(opened))


def _key(secret: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(b"media links " + secret.encode()).digest())
