"""Seals tokens and the contents of messages, so that a copy of the database gives none away."""

import base64
import hashlib
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

NONCE: Final = 16


class VaultError(Exception):
    """What is sealed cannot be opened with the vault key at hand."""


class Vault:
    """Seals and opens with one key; any passphrase will do, a long random one is best."""

    def __init__(self, key: str) -> None:
        digest = hashlib.sha256(key.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(digest))
        self._siv = AESSIV(hashlib.sha512(b"contents of messages: " + key.encode()).digest())

    def seal(self, secret: str) -> bytes:
        """Return `secret` encrypted and authenticated."""
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """Return the secret; VaultError when it was sealed with another key."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise VaultError("sealed with another GATEWAY_VAULT_KEY") from error

    def seal_contents(self, contents: bytes) -> bytes:
        """Return contents encrypted and authenticated, a tenth of the cost of `seal`.

        There are as many as messages, more than a GCM of random nonces may have under one key.
        """
        nonce = os.urandom(NONCE)
        return nonce + self._siv.encrypt(contents, [nonce])

    def open_contents(self, sealed: bytes) -> bytes:
        """Return the contents; VaultError when they were sealed with another key."""
        try:
            return self._siv.decrypt(sealed[NONCE:], [sealed[:NONCE]])
        except (InvalidTag, ValueError) as error:
            raise VaultError("sealed with another GATEWAY_VAULT_KEY") from error
